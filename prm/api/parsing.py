"""Reading a body: JSON in UTF-8, no deeper than anything that an endpoint takes."""

import json
from collections.abc import Iterable, Mapping
from typing import IO, Any, NoReturn

from rest_framework.parsers import JSONParser

from prm.api.problems import Problem

MOST_LEVELS = 32  # of objects and lists inside each other; the deepest that an endpoint takes has four
TOO_DEEP = f"The body has objects or lists inside each other more than {MOST_LEVELS} levels deep."
NOT_UTF_8 = "The body is not UTF-8. Send one JSON object in UTF-8, with no other charset in Content-Type."


class Utf8Json(JSONParser):
    """A parser for REST framework; RFC 8259 allows UTF-8 alone between systems."""

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None) -> Any:
        """The value. Problem `malformed` says what it is not: UTF-8, JSON, or flat enough."""
        named = _charset(media_type or "")
        if named not in {"", "utf-8", "utf8"}:
            raise Problem("malformed", NOT_UTF_8)
        try:
            value = json.loads(stream.read().decode("utf-8"), parse_constant=_no_constant)
        except UnicodeDecodeError:
            raise Problem("malformed", NOT_UTF_8) from None
        except RecursionError:
            raise Problem("malformed", TOO_DEEP) from None
        except ValueError:
            raise Problem("malformed") from None
        if _deeper(value, MOST_LEVELS):
            raise Problem("malformed", TOO_DEEP)
        return value


def _charset(media_type: str) -> str:
    parameters = (part.partition("=") for part in media_type.split(";")[1:])
    return next((value.strip(' "').lower() for name, _is, value in parameters if name.strip().lower() == "charset"), "")


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


def _deeper(value: Any, levels: int) -> bool:
    """Whether `value` has more than `levels` lists and objects inside each other. Level by level, without recursion."""
    layer = [value]
    for _level in range(levels + 1):
        layer = [below for one in layer for below in _inside(one)]
        if not layer:
            return False
    return True


def _inside(one: Any) -> Iterable[Any]:
    return one.values() if isinstance(one, Mapping) else one if isinstance(one, list) else ()
