"""The daily hash chain over a practice's audit events: seal a day, check what was sealed.

A seal is keyed (prm.crypto.seal_mac), so that somebody with every right on the database, but without the platform's
key, can change rows but not the seal over them. Days are UTC days. A day is sealed an hour after its end: no request
lasts that long. After that the database refuses an event of that day (migration 0003), and an event that is being
written while the day is sealed is waited for.

What the chain alone cannot show is the removal of the newest seals together with their days; so each seal's hash is
logged (`audit.sealed`), and a day that stays unsealed is a finding.
"""

import hashlib
import hmac
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q

from prm import crypto
from prm.audit.models import AuditEvent, AuditSeal
from prm.tenancy import current_practice_id

GRACE = timedelta(hours=1)  # after a day's end; longer than any request or task
OVERDUE = timedelta(hours=25)  # after a day's end: beat has slept through a whole day
DAYS_AT_ONCE = 400  # how many days one call seals; the next call goes on
CHUNK = 2_000  # events in memory
FORMAT = 1  # of the bytes below; a new one keeps old seals readable

# Every column of an event, in this order; a test compares with the model.
EVENT_COLUMNS = (
    "id", "practice_id", "at", "actor_kind", "actor_id", "action", "patient_id", "patients", "object_id", "address",
    "request_id", "facts",
)  # fmt: skip
SEAL_COLUMNS = (
    "id", "practice_id", "day", "sealed_at", "count", "first_id", "last_id", "key_id", "digest", "previous",
)  # fmt: skip

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a day: `what` says it in words, without a person's data."""

    day: date
    what: str


@dataclass
class Checked:
    """How far a check came: days and events looked at, what was found, the last day and the hash of its seal."""

    days: int = 0
    events: int = 0
    findings: list[Finding] = field(default_factory=list)
    through: date | None = None
    previous: str = ""
    complete: bool = True


@dataclass(frozen=True, slots=True)
class _Day:
    """A day's events in short."""

    count: int
    first_id: UUID | None
    last_id: UUID | None
    digest: str


def canonical(row: Any, columns: tuple[str, ...]) -> bytes:
    """The bytes of a row that a seal covers: each column's value, none of them able to pass for two."""
    return json.dumps([_plain(getattr(row, name)) for name in columns], sort_keys=True, ensure_ascii=False).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, list):
        return [str(one) for one in value]
    return value if isinstance(value, dict | int | type(None)) else str(value)


def last_closed_day(now: datetime) -> date:
    """The newest day (UTC) that may be sealed at `now` (aware)."""
    return (now - GRACE).astimezone(UTC).date() - timedelta(days=1)


def seal_through(*, now: datetime) -> list[AuditSeal]:
    """Seal what the open practice has not sealed yet, oldest day first; the new seals, none where all is sealed.

    Idempotent, also against itself: whoever comes second waits and finds the days sealed. At most DAYS_AT_ONCE days.
    """
    practice_id = current_practice_id()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('audit.chain'), hashtext(%s))", [str(practice_id)])
    newest = AuditSeal.objects.order_by("-day").first()
    if newest is not None:
        day, previous = newest.day + timedelta(days=1), newest.hash
    else:
        first = AuditEvent.objects.order_by("at").values_list("at", flat=True).first()
        if first is None:
            return []
        day, previous = first.astimezone(UTC).date(), genesis(practice_id)
    made: list[AuditSeal] = []
    while day <= last_closed_day(now) and len(made) < DAYS_AT_ONCE:
        made.append(_seal_day(practice_id, day, previous, now))
        day, previous = day + timedelta(days=1), made[-1].hash
    return made


def genesis(practice_id: UUID) -> str:
    """What the first seal of a practice holds in place of an earlier one."""
    return hashlib.sha256(f"prm.audit|{practice_id}".encode()).hexdigest()


def _seal_day(practice_id: UUID, day: date, previous: str, now: datetime) -> AuditSeal:
    with connection.cursor() as cursor:  # the trigger of migration 0003 takes the same lock, shared, for each event
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtext(%s), %s::date - date '2000-01-01')", [f"audit {practice_id}", day]
        )
    events = _day_of(day)
    row = AuditSeal(
        practice_id=practice_id, day=day, sealed_at=now, count=events.count, first_id=events.first_id,
        last_id=events.last_id, key_id=crypto.current_key_id(), digest=events.digest, previous=previous,
    )  # fmt: skip
    row.hash = _mac(row)
    row.save(force_insert=True)
    log.info("audit.sealed", extra={"seal": row.hash, "count": row.count, "due": day.isoformat()})
    return row


def _mac(row: AuditSeal) -> str:
    return crypto.seal_mac(row.practice_id, row.key_id, f"{FORMAT}|".encode() + canonical(row, SEAL_COLUMNS))


def _day_of(day: date) -> _Day:
    """Read a day of the open practice in chunks; what its seal holds about it."""
    digest, count, first, last = hashlib.sha256(), 0, None, None
    for event in _events(day):
        entry = canonical(event, EVENT_COLUMNS)
        digest.update(len(entry).to_bytes(8) + entry)
        count, first, last = count + 1, first or event.pk, event.pk
    return _Day(count, first, last, digest.hexdigest())


def _events(day: date) -> Iterator[AuditEvent]:
    """The day's events by (at, id), in chunks: a practice of many clinics has tens of thousands a day."""
    begin = datetime.combine(day, time(0), UTC)
    rows = AuditEvent.objects.filter(at__gte=begin, at__lt=begin + timedelta(days=1)).order_by("at", "id")
    found = list(rows[:CHUNK])
    while found:
        yield from found
        last = found[-1]
        beyond = Q(at__gt=last.at) | Q(at=last.at, id__gt=last.pk)
        found = list(rows.filter(beyond, at__gte=last.at)[:CHUNK]) if len(found) == CHUNK else []


def check(
    *, now: datetime, begin: date | None = None, end: date | None = None, previous: str = "",
    stop_at: Callable[[], bool] = lambda: False,
) -> Checked:  # fmt: skip
    """Check the seals of the open practice over its events, day by day, each with the one before it.

    `begin`, `end`: days, both included; without them the whole chain, and then also what lies before and after it.
    `previous`: the hash of the seal before `begin`, where an earlier slice has checked it; else it is read.
    `stop_at`: asked after each day; True ends the slice, with `complete` False.
    """
    done = Checked(previous=previous)
    seals = AuditSeal.objects.order_by("day")
    first = seals.values_list("day", flat=True).first()
    if begin is None:
        done.findings += _before_the_chain(first, now)
    if first is None:
        return done
    day = max(begin, first) if begin else first
    if not done.previous:
        before = seals.filter(day=day - timedelta(days=1)).values_list("hash", flat=True).first()
        done.previous = genesis(current_practice_id()) if day == first else before or ""
    expected = (now - OVERDUE).astimezone(UTC).date() - timedelta(days=1)
    newest = seals.values_list("day", flat=True).last() or first
    last = max(expected, newest)
    last = min(end, last) if end else last
    by_day = {row.day: row for row in seals.filter(day__gte=day, day__lte=last)}
    while day <= last:
        _check_day(done, day, by_day.get(day))
        day += timedelta(days=1)
        if stop_at() and day <= last:
            done.complete = False
            break
    return done


def _before_the_chain(first: date | None, now: datetime) -> list[Finding]:
    """Events that stand before the first seal, or have waited for one too long."""
    edge = datetime.combine(first, time(0), UTC) if first else now - OVERDUE - timedelta(days=1)
    stray = AuditEvent.objects.filter(at__lt=edge).order_by("at").values_list("at", flat=True).first()
    if stray is None:
        return []
    return [Finding(stray.astimezone(UTC).date(), "events without a seal")]


def _check_day(done: Checked, day: date, seal: AuditSeal | None) -> None:
    """Add what is wrong with one day, and go on to the next."""
    done.days, done.through = done.days + 1, day
    if seal is None:
        done.findings.append(Finding(day, "no seal"))
        done.previous = ""
        return
    try:
        genuine = hmac.compare_digest(seal.hash.encode(), _mac(seal).encode())
    except crypto.UnknownKey as problem:
        done.findings.append(Finding(day, f"the seal cannot be checked: {problem}"))
        genuine = True
    if not genuine:
        done.findings.append(Finding(day, "the seal itself was changed"))
    elif seal.previous != done.previous and done.previous:
        done.findings.append(Finding(day, "the seal does not follow the one before it"))
    found = _day_of(day)
    done.events += found.count
    if found.count != seal.count:
        how = "removed" if found.count < seal.count else "added"
        done.findings.append(Finding(day, f"events {how}: {found.count} found, {seal.count} sealed"))
    elif found.digest != seal.digest:
        done.findings.append(Finding(day, "an event was changed or exchanged"))
    done.previous = seal.hash


def holds(hash_: str) -> bool:
    """True where the open practice's chain has a seal of that hash, unchanged."""
    found = AuditSeal.objects.filter(hash=hash_.strip().lower()).first()
    return found is not None and hmac.compare_digest(found.hash, _mac(found))
