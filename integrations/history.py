"""The timeline entries that feeds write: what became of visits and episodes. Kinds are registered in apps.py."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from integrations.writing import Changes, values_of
from patients import timeline
from patients.models import Episode, TimelineEntry, Visit

_ENDINGS = {
    Visit.Status.COMPLETED: "visit_completed",
    Visit.Status.NO_SHOW: "visit_missed",
    Visit.Status.CANCELLED: "visit_cancelled",
}
KINDS = ("visit_booked", *_ENDINGS.values(), "episode_opened", "episode_discharged", "patient_merged")


def register_kinds() -> None:
    """Add the kinds to the timeline's registry; called once, by AppConfig.ready()."""
    for name, icon, tone, sentence in (
        ("visit_booked", "calendar-plus", "", "Visit booked"),
        ("visit_completed", "calendar-check", "good", "Visit completed"),
        ("visit_missed", "calendar-x", "bad", "Visit missed"),
        ("visit_cancelled", "calendar-off", "warn", "Visit cancelled"),
    ):
        timeline.register(name, group="visits", icon=icon, tone=tone, sentence=_visit_sentence(sentence))
    timeline.register(
        "episode_opened", group="care", icon="folder-open", sentence=lambda facts: "Episode of care began"
    )
    timeline.register("episode_discharged", group="care", icon="flag", tone="note", sentence=_discharge_sentence)
    timeline.register("patient_merged", group="care", icon="merge", sentence=lambda facts: "Record merged by the EMR")


def _visit_sentence(start: str) -> Any:
    def sentence(facts: Mapping[str, Any]) -> str:
        kind = {"evaluation": "evaluation", "re_evaluation": "re-evaluation", "discharge": "discharge visit"}.get(
            facts.get("visit", ""), ""
        )
        who = {"patient": "by the patient", "clinic": "by the clinic"}.get(facts.get("by", ""), "")
        extra = ", ".join(part for part in (kind, who) if part)
        return f"{start} ({extra})" if extra else start

    return sentence


def _discharge_sentence(facts: Mapping[str, Any]) -> str:
    reason = dict(Episode.DischargeReason.choices).get(facts.get("reason", ""))
    return f"Discharged: {reason}" if reason and facts.get("reason") != "unknown" else "Discharged"


def record(changes: Changes) -> int:
    """Bring the timeline of the changed rows up to date, in the caller's transaction; returns the entries written.

    An entry that no longer holds (a cancellation taken back, another time) goes; one that holds stays as it is.
    """
    changed: list[Visit | Episode] = [
        row
        for row in (*changes.visits.values(), *changes.episodes.values())
        if row.pk in changes.new or changes.before.get(row.pk) != values_of(row)
    ]
    wanted: dict[tuple[UUID, str, datetime], TimelineEntry] = {}
    for row in changed:
        for entry in _visit_entries(row) if isinstance(row, Visit) else _episode_entries(row):
            wanted[(entry.object_id, entry.kind, entry.at)] = entry
    known = {row.pk for row in changed if row.pk not in changes.new}
    there: dict[tuple[UUID, str, datetime], TimelineEntry] = {}
    if known:
        for one in TimelineEntry.objects.filter(object_id__in=known, kind__in=KINDS[:-1]):
            there[(one.object_id, one.kind, one.at)] = one
    stale = [one.pk for key, one in there.items() if key not in wanted or wanted[key].patient_id != one.patient_id]
    if stale:
        TimelineEntry.objects.filter(pk__in=stale).delete()
    fresh = [entry for key, entry in wanted.items() if key not in there or there[key].pk in stale]
    timeline.record_all(fresh)
    return len(fresh)


def _entry(row: Visit | Episode, kind: str, at: datetime, **facts: Any) -> TimelineEntry:
    timeline.kind(kind)
    return TimelineEntry(
        practice_id=row.practice_id, patient_id=row.patient_id, kind=kind, object_id=row.pk, at=at, facts=facts
    )


def _visit_entries(row: Visit) -> list[TimelineEntry]:
    if row.hidden:
        return []
    facts: dict[str, Any] = {"visit": row.kind} if row.kind != Visit.Kind.TREATMENT else {}
    found = []
    if row.booked_at:
        found.append(_entry(row, "visit_booked", row.booked_at, starts=row.starts_at.isoformat(), **facts))
    if kind := _ENDINGS.get(Visit.Status(row.status)):
        at = row.cancelled_at or row.starts_at if row.status == Visit.Status.CANCELLED else row.starts_at
        by = {"by": row.cancelled_by} if row.cancelled_by in {"patient", "clinic"} else {}
        found.append(_entry(row, kind, at, **facts, **by))
    return found


def _episode_entries(row: Episode) -> list[TimelineEntry]:
    if row.hidden:
        return []
    found = []
    if row.opened_at:
        found.append(_entry(row, "episode_opened", row.opened_at))
    if row.discharged_at:
        found.append(_entry(row, "episode_discharged", row.discharged_at, reason=row.discharge_reason))
    return found
