"""Settings of a feed: named keys with a check each, so that an unknown key or a wrong value is told at once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import available_timezones


class BadSetting(ValueError):
    """An unknown key or a value that a key does not take; the text names the key and what is allowed."""


@dataclass(frozen=True)
class Key:
    """One setting: its value where nothing is set, what it takes in words, and the check from text to value."""

    name: str
    default: Any
    takes: str
    check: Callable[[str], Any]
    label: str = ""


def clean(keys: Sequence[Key], given: Mapping[str, str]) -> dict[str, Any]:
    """The values of what was given. BadSetting for an unknown key (names the allowed ones) or a wrong value."""
    known = {key.name: key for key in keys}
    values = {}
    for name, text in given.items():
        if name not in known:
            raise BadSetting(f"{name}: no such setting; the settings of this kind are {', '.join(sorted(known))}")
        try:
            values[name] = known[name].check(text.strip())
        except ValueError:
            raise BadSetting(f"{name}={text!r}: expected {known[name].takes}") from None
    return values


def defaults(keys: Sequence[Key]) -> dict[str, Any]:
    """Every key's default."""
    return {key.name: key.default for key in keys}


def one_of(*allowed: str) -> Callable[[str], str]:
    """A check: one of the words."""

    def check(text: str) -> str:
        if text not in allowed:
            raise ValueError(text)
        return text

    return check


def words(text: str) -> list[str]:
    """A comma-separated list; an empty entry stands for the empty value."""
    return [word.strip() for word in text.split(",")]


def zone(text: str) -> str:
    """An IANA time zone."""
    if text not in available_timezones():
        raise ValueError(text)
    return text


def switch(text: str) -> bool:
    """on or off."""
    if text.lower() not in {"on", "off", "true", "false", "1", "0"}:
        raise ValueError(text)
    return text.lower() in {"on", "true", "1"}


def whole(low: int, high: int) -> Callable[[str], int]:
    """A check: a whole number in the range."""

    def check(text: str) -> int:
        if not low <= int(text) <= high:
            raise ValueError(text)
        return int(text)

    return check
