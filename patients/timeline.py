"""The timeline: apps register the kinds that they write, the patient page shows them, “Why?” reads them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models

from patients.models import Patient, TimelineEntry


@dataclass(frozen=True)
class Kind:
    """How entries of one kind are shown.

    `group`: visits, messages, feedback, exercises or care (the page's filter); `icon`: a lucide name; `sentence`:
    from the entry's facts to a sentence for staff; `tone`: empty, good, warn, bad or note.
    """

    name: str
    group: str
    icon: str
    sentence: Callable[[Mapping[str, Any]], str]
    tone: str = ""


_kinds: dict[str, Kind] = {}


def register(name: str, *, group: str, icon: str, sentence: Callable[[Mapping[str, Any]], str], tone: str = "") -> None:
    """Add a kind (`<noun>_<what happened>`), from an AppConfig.ready(). ValueError where the name is taken."""
    if name in _kinds:
        raise ValueError(f"timeline kind {name!r} is registered twice")
    _kinds[name] = Kind(name, group, icon, sentence, tone)


def kind(name: str) -> Kind:
    """The registered kind. KeyError for a name that nobody registered."""
    return _kinds[name]


def kinds() -> list[Kind]:
    """All registered kinds by name."""
    return [_kinds[name] for name in sorted(_kinds)]


def entry(patient: Patient, name: str, obj: models.Model, *, at: datetime, **facts: Any) -> TimelineEntry:
    """An unsaved entry about `obj` at `at` (aware); facts are small, JSON, and hold no free text of a patient."""
    kind(name)
    return TimelineEntry(patient=patient, kind=name, object_id=obj.pk, at=at, facts=facts)


def record(patient: Patient, name: str, obj: models.Model, *, at: datetime, **facts: Any) -> None:
    """Write what happened, in the caller's transaction. The same kind, object and moment is written once."""
    record_all([entry(patient, name, obj, at=at, **facts)])


def record_all(entries: Iterable[TimelineEntry]) -> None:
    """Write many entries in one statement; those that are there already are left as they are."""
    TimelineEntry.objects.bulk_create(list(entries), ignore_conflicts=True, batch_size=1000)
