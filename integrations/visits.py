"""Visits from what sources said: status, times, and which appointment and encounter are one visit. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from integrations import codes
from integrations.facts import winner
from integrations.things import Thing, latest, moment

JOIN_WITHIN = timedelta(minutes=90)
KEPT = (codes.ARRIVED, codes.COMPLETED)


@dataclass
class VisitView:
    """One visit as it is now known. `parts`: the appointment, the encounter, or both."""

    parts: list[Thing]
    starts: datetime
    ends: datetime | None
    day_only: bool
    status: str
    kind: str
    clinic: str
    therapist: str
    episode: str
    request: str
    booked_at: datetime | None
    cancelled_at: datetime | None
    cancelled_by: str
    cpt: list[str] = field(default_factory=list)
    hidden: bool = False

    @property
    def kept(self) -> bool:
        """The patient came."""
        return self.status in KEPT and not self.hidden

    @property
    def names(self) -> list[str]:
        """The keys of all its records."""
        return [name for part in self.parts for name in part.names]

    def get(self, unit: str) -> Any:
        """A value of any part, the one that changed last."""
        found = winner((part.weight(unit), part.get(unit)) for part in self.parts)
        return found[1] if found else None


def _is_appointment(thing: Thing) -> bool:
    return thing.has("schedule") or thing.has("schedule_status")


def _is_encounter(thing: Thing) -> bool:
    return thing.has("clinical") or thing.has("evidence") or thing.has("clinical_times")


def _start(thing: Thing) -> datetime | None:
    return moment(thing.get("schedule")) or moment(thing.get("clinical_times"))


def status_of(parts: Sequence[Thing]) -> str:
    """Clinical status if any, else the schedule's; a charge beats a cancellation whatever the times."""
    live = [part for part in parts if not part.deleted] or list(parts)
    for unit in ("evidence", "clinical", "schedule_status"):
        if told := latest((part.weight(unit), part.get(unit)) for part in live):
            return told
    return ""


def join(visit_things: Sequence[Thing], zone: ZoneInfo) -> list[list[Thing]]:
    """Group appointments with their encounters: told by the encounter, else by time where one is near."""
    by_name = {name: thing for thing in visit_things for name in thing.names}
    encounters = [thing for thing in visit_things if _is_encounter(thing) and not _is_appointment(thing)]
    appointments = [thing for thing in visit_things if _is_appointment(thing)]
    partner: dict[str, Thing] = {}  # the encounter's key to its appointment
    for encounter in visit_things:
        told = encounter.get("appointment")
        if told in by_name and by_name[told] is not encounter and not by_name[told].get("appointment"):
            partner[encounter.key] = by_name[told]
    taken = {thing.key for thing in partner.values()}
    free_appointments = [one for one in appointments if one.key not in taken and not _is_encounter(one)]
    free_encounters = [one for one in encounters if one.key not in partner]
    near = {one.key: _candidates(one, free_appointments, zone) for one in free_encounters}
    for encounter in free_encounters:
        found = near[encounter.key]
        rivals = (
            [other for other in free_encounters if found and found[0] in near[other.key]] if len(found) == 1 else []
        )
        if len(found) == 1 and len(rivals) == 1:
            partner[encounter.key] = found[0]
    grouped: dict[str, list[Thing]] = {one.key: [one] for one in visit_things if one.key not in partner}
    for encounter in visit_things:
        if encounter.key in partner:
            grouped.setdefault(partner[encounter.key].key, [partner[encounter.key]]).append(encounter)
    return _join_feeds(list(grouped.values()), zone)


def _feeds(parts: Sequence[Thing]) -> set[str]:
    return {name.partition(":")[0] for part in parts for name in part.names}


def _join_feeds(groups: list[list[Thing]], zone: ZoneInfo) -> list[list[Thing]]:
    """What two feeds tell of one visit: the same day, at most 90 minutes apart, and no other candidate either way.

    Clinics are not compared: each feed has keys of its own for them.
    """
    if len(set().union(*map(_feeds, groups), set())) < 2:
        return groups
    starts = {id(group): next((at for part in group if (at := _start(part))), None) for group in groups}
    near = {id(one): [other for other in groups if _near(one, other, starts, zone)] for one in groups}
    joined: list[list[Thing]] = []
    used: set[int] = set()
    for group in groups:
        if id(group) in used:
            continue
        together = list(group)
        for other in near[id(group)]:
            rivals = [rival for rival in near[id(other)] if _feeds(rival) & _feeds(group)]
            mine = [one for one in near[id(group)] if _feeds(one) & _feeds(other)]
            if id(other) not in used and len(rivals) == 1 and len(mine) == 1 and not _feeds(together) & _feeds(other):
                together += other
                used.add(id(other))
        joined.append(together)
    return joined


def _near(one: Sequence[Thing], other: Sequence[Thing], starts: dict[int, datetime | None], zone: ZoneInfo) -> bool:
    mine, theirs = starts[id(one)], starts[id(other)]
    if mine is None or theirs is None or _feeds(one) & _feeds(other):
        return False
    if all(part.deleted for part in one) or all(part.deleted for part in other):
        return False
    day_only = any((part.get("schedule") or part.get("clinical_times") or {}).get("day") for part in (*one, *other))
    same_day = mine.astimezone(zone).date() == theirs.astimezone(zone).date()
    return same_day and (day_only or abs(mine - theirs) <= JOIN_WITHIN)


def _candidates(encounter: Thing, appointments: Sequence[Thing], zone: ZoneInfo) -> list[Thing]:
    starts, whole_day = _start(encounter), bool((encounter.get("clinical_times") or {}).get("day"))
    if starts is None or encounter.deleted:
        return []
    found = []
    for appointment in appointments:
        booked = _start(appointment)
        if booked is None or appointment.deleted:
            continue
        clinics = {appointment.get("clinic"), encounter.get("clinic")} - {None}
        same_day = booked.astimezone(zone).date() == starts.astimezone(zone).date()
        if same_day and len(clinics) < 2 and (whole_day or abs(booked - starts) <= JOIN_WITHIN):
            found.append(appointment)
    standing = [one for one in found if one.get("schedule_status") not in {codes.CANCELLED, codes.NO_SHOW}]
    return standing if len(found) > 1 and standing else found


def visits(visit_things: Sequence[Thing], zone: ZoneInfo) -> list[VisitView]:
    """The visits of one patient, oldest first; what has no start or no status yet is none."""
    found = [view for parts in join(visit_things, zone) if (view := _view(parts))]
    return sorted(found, key=lambda view: (view.starts, min(view.names)))


def _view(parts: list[Thing]) -> VisitView | None:
    live = [part for part in parts if not part.deleted] or parts
    status = status_of(parts)
    booked = next((part.get("schedule") for part in live if part.get("schedule")), None)
    seen = next((part.get("clinical_times") for part in live if part.get("clinical_times")), None)
    times = booked if booked and not (seen and booked.get("day") and not seen.get("day")) else seen or booked
    starts = moment(times)
    if not status or starts is None:
        return None
    ends = next((end for one in (times, seen, booked) if one and (end := moment(one.get("end")))), None)
    cancelled = status == codes.CANCELLED
    unit = "clinical" if any(part.get("clinical") == codes.CANCELLED for part in live) else "schedule_status"
    view = VisitView(
        parts=parts, starts=starts, ends=ends if ends and ends > starts else None, day_only=bool(times.get("day")),
        status=status, kind="", clinic="", therapist="", episode="", request="", booked_at=None, cancelled_at=None,
        cancelled_by="", hidden=all(part.deleted for part in parts),
    )  # fmt: skip
    if cancelled:
        view.cancelled_at = max((at for part in live if part.get(unit) and (at := part.since(unit))), default=None)
        view.cancelled_by = view.get("cancelled_by") or "unknown"
    view.kind = view.get("kind") or "treatment"
    view.clinic, view.therapist = view.get("clinic") or "", view.get("therapist") or ""
    view.episode, view.request = view.get("episode") or "", view.get("request") or ""
    view.booked_at = moment(view.get("booked_at"))
    view.cpt = view.get("cpt") or []
    return view
