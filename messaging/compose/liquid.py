"""Liquid, cut down: three tags, five filters, no loops, no includes, nothing undefined passes (security.md §3)."""

from collections.abc import Mapping
from functools import lru_cache

from liquid import BoundTemplate, Environment, FalsyStrictUndefined
from liquid.builtin import (
    capitalize,
    comment_tag,
    content,
    default,
    escape,
    if_tag,
    illegal,
    output,
    unless_tag,
    upcase,
)
from liquid.builtin import date as date_filter
from liquid.exceptions import LiquidError, UndefinedError


class BrokenWording(ValueError):
    """The text is not well-formed Liquid of ours; the message says why and in which line."""


class MissingValue(ValueError):
    """A merge field without a value and without a default; the message is its name."""


class _Wording(Environment):
    """The environment with what we allow, and nothing else."""

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        """Instead of Liquid's own: no assign, capture, for, include, render."""
        for tag in (content.Literal, output.Output, illegal.Illegal, if_tag.IfTag, unless_tag.UnlessTag,
                    comment_tag.CommentTag):  # fmt: skip
            self.add_tag(tag)
        self.add_filter("default", default)
        self.add_filter("upcase", upcase)
        self.add_filter("capitalize", capitalize)
        self.add_filter("date", date_filter)
        self.add_filter("escape", escape)


_html = _Wording(undefined=FalsyStrictUndefined, autoescape=True)
_plain = _Wording(undefined=FalsyStrictUndefined, autoescape=False)


def fields_of(wording: str) -> set[str]:
    """The dotted names of the merge fields in a text. BrokenWording."""
    try:
        found = _plain.from_string(wording).analyze()
    except LiquidError as problem:
        raise BrokenWording(str(problem)) from None
    if unknown := set(found.filters) - set(_plain.filters):  # Liquid itself tells only when it renders
        raise BrokenWording(
            f"unknown filter {sorted(unknown)[0]!r}: expected one of {', '.join(sorted(_plain.filters))}"
        )
    return {str(place) for places in found.variables.values() for place in places}


@lru_cache(maxsize=256)
def taggable(wording: str) -> bool:
    """Whether a tag may stand for a value in it: no filter would change the tag instead of the value."""
    return set(_plain.from_string(wording).analyze().filters) <= {"default"}


def render(wording: str, values: Mapping[str, object], *, html: bool) -> str:
    """The text with its values (`fields.nested`), escaped in HTML. MissingValue names the first field without one."""
    try:
        return _parsed(wording, html).render(values)
    except UndefinedError as problem:
        raise MissingValue(str(problem.args[0]).split()[0]) from None  # “patient.first_name is undefined”
    except LiquidError as problem:
        raise BrokenWording(str(problem)) from None


@lru_cache(maxsize=256)
def _parsed(wording: str, html: bool) -> BoundTemplate:
    return (_html if html else _plain).from_string(wording)
