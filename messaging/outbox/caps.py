"""Caps: how many messages reach one patient and one phone number, over all rules together (messaging.md §5 step 9).

A day is the patient's local date, a week that date and the six before (campaigns.md §2). What counts has left or is on
its way; where a message is first queued, what is queued for a day counts as well, so that two of them plan apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Q

from messaging.models import Klass, OutboxMessage
from patients.models import Channel

CAPPED = (Klass.CARE, Klass.MARKETING)
LEFT = ("claimed", "started", "sent", "unknown")
WEEK = timedelta(days=7)
LOOK_BACK = timedelta(days=9)  # a week of local dates, in whatever zone


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `day` on one date and `week` on seven in a row, beside what is `taken` already."""

    day: int
    week: int
    taken: Sequence[date] = ()

    def has_room(self, on: date) -> bool:
        """Whether one more may leave on this date."""
        first = on - WEEK + timedelta(days=1)
        return self.taken.count(on) < self.day and sum(first <= one <= on for one in self.taken) < self.week


def first_day_with_room(day: date, limits: Sequence[Limit]) -> date:
    """The first date from `day` on at which every limit has room; a week after the last one taken, there is."""
    while not all(limit.has_room(day) for limit in limits):
        day += timedelta(days=1)
    return day


@dataclass(slots=True)
class Wanted:
    """A message that would leave at `moment`, in the zone whose dates count."""

    message: OutboxMessage
    address: str
    zone: ZoneInfo
    moment: datetime


@dataclass(frozen=True, slots=True)
class _Other:
    """Another message, and when it left or shall leave."""

    id: UUID
    klass: str
    at: datetime
    left: bool


_Others = dict[tuple[str, object], list[_Other]]  # by channel and receiver: a patient's id, or a phone number


def first_days(batch: Sequence[Wanted], at: datetime, *, day: int, week: int) -> dict[UUID, date]:
    """For each capped message of the batch the first date with room, by id: one statement, for any size."""
    capped = [one for one in batch if one.message.klass in CAPPED]
    others = _others(capped, at)
    found: dict[UUID, date] = {}
    for one in capped:
        message, planning = one.message, one.message._state.adding
        near = {
            other.id: other
            for receiver in _receivers(message.channel, message.patient_id, one.address)
            for other in others.get(receiver, ())
            if other.id != message.pk and (other.left or planning)
        }
        dates = [(other.at.astimezone(one.zone).date(), other.klass) for other in near.values()]
        limits = [Limit(day, week, [on for on, _klass in dates])]
        if message.klass == Klass.MARKETING and message.channel == Channel.EMAIL:
            limits.append(Limit(1, 1, [on for on, klass in dates if klass == Klass.MARKETING]))
        wanted = one.moment.astimezone(one.zone).date()
        found[message.pk] = first_day_with_room(wanted, limits)
        if planning:  # the next of the same batch plans round it
            later = one.moment + timedelta(days=(found[message.pk] - wanted).days)
            planned = _Other(message.pk, message.klass, later, left=False)
            _add(others, planned, message.channel, message.patient_id, one.address)
    return found


def _receivers(channel: str, patient: UUID | None, address: str) -> list[tuple[str, object]]:
    """Whom a message reaches: its patient, and by text whoever holds the phone. An e-mail address may be a couple's."""
    shared = [(channel, address)] if channel == Channel.SMS and address else []
    return [*([(channel, patient)] if patient else []), *shared]


def _add(others: _Others, one: _Other, channel: str, patient: UUID | None, address: str) -> None:
    for receiver in _receivers(channel, patient, address):
        others.setdefault(receiver, []).append(one)


def _others(batch: Sequence[Wanted], at: datetime) -> _Others:
    """What has left lately, or waits, for the patients and numbers of the batch."""
    found: _Others = {}
    if not batch:
        return found
    numbers = {one.address for one in batch if one.message.channel == Channel.SMS and one.address}
    rows = OutboxMessage.objects.filter(
        Q(patient__in={one.message.patient_id for one in batch}) | Q(address__in=numbers, channel=Channel.SMS),
        klass__in=CAPPED, channel__in={one.message.channel for one in batch},
    )  # fmt: skip
    lately = Q(state__in=LEFT, state_at__gt=at - LOOK_BACK)
    wanted = lately | Q(state="queued") if any(one.message._state.adding for one in batch) else lately
    names = ("pk", "channel", "patient_id", "address", "klass", "state", "state_at", "not_before")
    for pk, channel, patient, address, klass, state, state_at, not_before in rows.filter(wanted).values_list(*names):
        waits = state == "queued"
        other = _Other(pk, klass, not_before if waits else state_at, left=not waits)
        _add(found, other, channel, patient, address)
    return found
