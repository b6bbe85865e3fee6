"""When things are due: dates and wall times in a zone become moments, here and nowhere else."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from prm import clock


@dataclass(frozen=True, slots=True)
class Window:
    """Which occurrences a tick at `at` looks at; all moments aware.

    An occurrence is of the window where `floor < due <= at` and `due >= since`. Of these, those with
    `due > due_through` came due since the last tick (probe A); the others are looked at only where their facts
    changed at or after `seen_through`, in the database's clock (probe B). None for either: no tick has looked yet,
    all count.
    """

    at: datetime
    floor: datetime
    since: datetime
    due_through: datetime | None = None
    seen_through: datetime | None = None

    def holds(self, due: datetime) -> bool:
        """Whether an occurrence due then is of the window."""
        return self.floor < due <= self.at and due >= self.since

    def fresh(self, due: datetime) -> bool:
        """Whether it came due since the last tick."""
        return self.due_through is None or due > self.due_through


@dataclass(frozen=True, slots=True)
class DueDay:
    """One local date of one zone at whose `due` instant the anchors in `[first, last)` are due."""

    zone: str
    first: datetime
    last: datetime
    due: datetime


def due_days(zone_name: str, after_days: int, wall: str, window: Window) -> Iterator[DueDay]:
    """The local dates whose instant lies in the window, for a rule of `after_days` at wall time `wall` (“10:00”)."""
    zone, at = ZoneInfo(zone_name), time.fromisoformat(wall)
    day = max(window.since, window.floor).astimezone(zone).date()
    end = window.at.astimezone(zone).date()
    while day <= end:
        due = clock.local_moment(day, at, zone)
        if window.holds(due):
            anchor = day - timedelta(days=after_days)
            yield DueDay(zone_name, _midnight(anchor, zone), _midnight(anchor + timedelta(days=1), zone), due)
        day += timedelta(days=1)


def due_at(anchor: datetime, after_days: int, wall: str, zone_name: str) -> datetime:
    """When one anchor (aware) is due: `wall` on its local date in the zone + `after_days`."""
    zone = ZoneInfo(zone_name)
    day = anchor.astimezone(zone).date() + timedelta(days=after_days)
    return clock.local_moment(day, time.fromisoformat(wall), zone)


def next_due(zone_name: str, wall: str, after: datetime) -> datetime:
    """The first instant later than `after` (aware) at which it is `wall` in the zone."""
    zone, at = ZoneInfo(zone_name), time.fromisoformat(wall)
    day = after.astimezone(zone).date()
    due = clock.local_moment(day, at, zone)
    return due if due > after else clock.local_moment(day + timedelta(days=1), at, zone)


def planned(previous: datetime, delay: Mapping[str, Any] | None, zone_name: str) -> datetime:
    """The instant of a step, `delay` after the previous one.

    Days: local date + n at `at`, else at the same wall time. Hours: elapsed.
    """
    if not delay:
        return previous
    if delay["unit"] == "hours":
        return previous + timedelta(hours=int(delay["n"]))
    zone = ZoneInfo(zone_name)
    local = previous.astimezone(zone)
    wall = time.fromisoformat(delay["at"]) if "at" in delay else local.time()
    return clock.local_moment(local.date() + timedelta(days=int(delay["n"])), wall, zone)


def usable(zone_name: str) -> bool:
    """Whether it is a time zone we know."""
    return zone_name in _known_zones()


@lru_cache(maxsize=1)
def _known_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return clock.local_moment(day, time(0), zone)
