"""The only clock of the product, and arithmetic on opening hours."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_frozen: ContextVar[datetime | None] = ContextVar("frozen", default=None)

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
NINE_TO_FIVE: Mapping[str, Sequence[Sequence[str]]] = {day: [["09:00", "17:00"]] for day in WEEKDAYS[:5]}
_HORIZON_DAYS = 3 * 366

Hours = Mapping[str, Sequence[Sequence[str]]]


def now() -> datetime:
    """This moment, aware, in UTC; the frozen moment inside `at`."""
    return _frozen.get() or datetime.now(UTC)


@contextmanager
def at(moment: datetime) -> Iterator[datetime]:
    """Let the clock stand at `moment` (aware) in this context: tests, scenarios, played histories."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone")
    token = _frozen.set(moment.astimezone(UTC))
    try:
        yield moment
    finally:
        _frozen.reset(token)


def local_moment(day: date, wall: time, zone: ZoneInfo) -> datetime:
    """The moment (UTC) of a wall time in `zone`; a spring gap shifts forward, an autumn fold is the first."""
    return datetime.combine(day, wall, tzinfo=zone).astimezone(UTC)


def add_business_time(
    start: datetime, minutes: int, hours: Hours, holidays: Collection[str], zone: ZoneInfo
) -> datetime:
    """The moment (UTC) at which `minutes` of opening time have passed since `start` (aware).

    `hours`: weekday to intervals, `{"Mon": [["09:00", "17:00"]], …}`, any number a day; a missing day is closed.
    `holidays`: closed days as ISO dates. Open time is counted in elapsed minutes, so both DST days are right. A due
    time that falls on a closing is the closing; received at closing counts from the next opening. ValueError for a
    naive start, negative minutes, or hours that never open within three years.
    """
    if start.tzinfo is None:
        raise ValueError(f"start {start!r} has no time zone")
    if minutes < 0:
        raise ValueError(f"minutes {minutes}: expected 0 or more")
    left = timedelta(minutes=minutes)
    cursor = start.astimezone(UTC)
    first = start.astimezone(zone).date() - timedelta(days=1)
    for offset in range(_HORIZON_DAYS):
        for opens, closes in _open_intervals(first + timedelta(days=offset), hours, holidays, zone):
            if closes <= cursor:
                continue
            begin = max(opens, cursor)
            if left <= closes - begin:
                return begin + left
            left -= closes - begin
            cursor = closes
    raise ValueError("the clinic's hours hold no opening time within three years")


def _open_intervals(
    day: date, hours: Hours, holidays: Collection[str], zone: ZoneInfo
) -> list[tuple[datetime, datetime]]:
    if day.isoformat() in holidays:
        return []
    intervals: list[tuple[datetime, datetime]] = []
    for opens, closes in sorted(hours.get(WEEKDAYS[day.weekday()], ()), key=tuple):
        end_day = day + timedelta(days=1) if closes in {"24:00", "00:00"} else day
        closing = time(0) if closes in {"24:00", "00:00"} else time.fromisoformat(closes)
        begin, end = local_moment(day, time.fromisoformat(opens), zone), local_moment(end_day, closing, zone)
        if intervals and begin < intervals[-1][1]:
            begin = intervals[-1][1]  # overlapping intervals count once
        if end > begin:
            intervals.append((begin, end))
    return intervals
