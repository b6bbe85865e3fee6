"""Tables: keyset pages (a page costs the same however deep it lies) and sort headers whose choice lives in the URL."""

import base64
import json
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model, Q, QuerySet

PAGE_SIZE = 50


class BadCursor(ValueError):
    """The cursor in the URL is none of ours; the caller shows the first page."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, and the cursor after the last of them ("" where nothing follows)."""

    rows: list[Any]
    next: str
    is_later: bool
    size: int = PAGE_SIZE
    about: int | None = None


def keyset_page(
    rows: QuerySet[Any], order: tuple[str, ...], *, after: str = "", size: int = PAGE_SIZE, about: int | None = None
) -> Page:
    """The page of `rows` after the cursor `after`, ordered by the fields `order` ("-at", "id"), the last unique.

    Fields must not be null. `about` is a count that the caller may know; none is made here. BadCursor for a cursor that
    was not made for this order.
    """
    ordered = rows.order_by(*order)
    if after:
        try:
            ordered = ordered.filter(_beyond(order, _decode(after, order)))
        except (ValidationError, ValueError, TypeError):  # a value that is none of its field
            raise BadCursor(after) from None
    found = list(ordered[: size + 1])
    more = len(found) > size
    shown = found[:size]
    return Page(shown, _encode(shown[-1], order) if more else "", bool(after), size, about)


def _beyond(order: tuple[str, ...], values: list[str]) -> Q:
    """Rows after the row with these values: beyond in one field, equal in all before it."""
    beyond, equal = Q(), Q()
    for name, value in zip(order, values, strict=True):
        field = name.removeprefix("-")
        beyond |= equal & Q(**{f"{field}__{'lt' if name.startswith('-') else 'gt'}": value})
        equal &= Q(**{field: value})
    return beyond


def _encode(row: Model, order: tuple[str, ...]) -> str:
    values = []
    for name in order:
        value: Any = row
        for step in name.removeprefix("-").split("__"):
            value = getattr(value, step)
        values.append(value.isoformat() if hasattr(value, "isoformat") else value)  # microseconds kept
    return base64.urlsafe_b64encode(json.dumps(values, cls=DjangoJSONEncoder).encode()).decode().rstrip("=")


def _decode(cursor: str, order: tuple[str, ...]) -> list[str]:
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError):
        raise BadCursor(cursor) from None
    if not isinstance(values, list) or len(values) != len(order):
        raise BadCursor(cursor)
    return values


def order_of(asked: str, columns: dict[str, str], default: str) -> tuple[str, tuple[str, ...]]:
    """The sort that the URL asks for ("name", "-name") if it is one of `columns`, and the fields to order by.

    `columns` maps a column's name in the URL to its field; the id is added, so that the order is total.
    """
    name = asked.removeprefix("-")
    chosen = asked if name in columns else default
    sign = "-" if chosen.startswith("-") else ""
    return chosen, (sign + columns[chosen.removeprefix("-")], sign + "id")
