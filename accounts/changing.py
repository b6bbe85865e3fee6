"""Saving settings: one optimistic edit at a time, told field by field (ui.md §6).

A form carries the version that its reader saw. An edit over a newer version is merged where the two touched different
fields; where they touched the same one, `Stale` says who changed what, and the page lets the reader choose.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from django.db import models, transaction

from accounts.models import SettingsChange, User


@dataclass(frozen=True, slots=True)
class Changed:
    """The row as it is now, and what this edit changed: name to [old, new] as JSON would hold them."""

    row: Any
    fields: dict[str, list[Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Conflict:
    """One field that somebody else changed meanwhile: theirs is what is stored now."""

    name: str
    mine: Any
    theirs: Any
    by: User | None
    at: datetime


class Stale(Exception):
    """The same fields were changed since the reader opened the form; nothing was saved."""

    def __init__(self, row: Any, conflicts: list[Conflict]) -> None:
        self.row, self.conflicts = row, conflicts
        super().__init__(f"{type(row).__name__} is at version {row.version}")


def change(
    row: Any, *, by: User | None, now: datetime, version: int, fields: Mapping[str, Any],
    check: Callable[[Any, Collection[str]], None], over: int = 0,
) -> Changed:  # fmt: skip
    """Store what differs among `fields`, one version up, with its `SettingsChange`; `row` itself is left as it was.

    `version`: what the editor saw; `over`: a later one whose values the editor was shown, and replaces. `check(row,
    names)` gets the changed row before it is stored and raises ValidationError by field. Stale as the module says. In
    the practice's context.
    """
    model = type(row)
    with transaction.atomic():
        current = model.objects.select_for_update(no_key=True).get(pk=row.pk)
        before = {name: plain(getattr(current, name)) for name in fields}
        mine = {name: value for name, value in fields.items() if plain(value) != before[name]}
        if version != current.version:
            mine = _merge(current, version, mine, over)
        if not mine:
            return Changed(current)
        for name, value in mine.items():
            setattr(current, name, value)
        check(current, mine)
        current.version += 1
        current.save(update_fields=[*mine, "version"])
        written = {name: [before[name], plain(getattr(current, name))] for name in sorted(mine)}
        SettingsChange.objects.create(subject=current.pk, version=current.version, at=now, by=by, fields=written)
    return Changed(current, written)


def _merge(current: Any, version: int, mine: dict[str, Any], over: int) -> dict[str, Any]:
    """What remains to be written over the newer version: fields that only this edit touched. Stale."""
    seen: dict[str, Any] = {}
    latest: dict[str, SettingsChange] = {}
    later = SettingsChange.objects.filter(subject=current.pk, version__gt=version).select_related("by")
    for made in later.order_by("version"):
        for name, (old, _new) in made.fields.items():
            seen.setdefault(name, old)
            latest[name] = made
    touched = {name: value for name, value in mine.items() if name not in seen or plain(value) != seen[name]}
    conflicts = [
        Conflict(name, value, getattr(current, name), latest[name].by, latest[name].at)
        for name, value in touched.items()
        if name in seen and latest[name].version > over
    ]
    if conflicts:
        raise Stale(current, conflicts)
    return touched


def plain(value: Any) -> Any:
    """A value as JSON holds it, so that what is stored, what was stored and what is typed compare."""
    if isinstance(value, models.Model):
        return str(value.pk)
    if isinstance(value, (date, datetime, time)):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value
