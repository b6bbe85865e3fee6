"""Which time a report is about, from its URL: four instants, half-open, in the practice's zone (reports.md 1).

The page, its charts, its PDF and later its exports all call `resolve` with the same parameters, so none can be about
another period than the one it names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from prm.ui.problems import BadParameter

LONGEST_YEARS = 3
CHOICES = {
    "last_month": "Last full month",
    "last_3": "Last 3 full months",
    "last_12": "Last 12 full months",
    "quarter": "This quarter",
    "year": "This year",
    "custom": "From … through …",
}
COMPARISONS = {"before": "The time before", "year": "A year earlier", "none": "No comparison"}


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` (in) to `end` (out), and the time it is compared with, where there is one. Aware, practice zone."""

    key: str
    compare: str
    zone: ZoneInfo
    first: date
    beyond: date  # the first day after it
    before_first: date | None = None
    before_beyond: date | None = None
    complete: bool = True

    @property
    def start(self) -> datetime:
        """The first instant."""
        return _midnight(self.first, self.zone)

    @property
    def end(self) -> datetime:
        """The first instant after it."""
        return _midnight(self.beyond, self.zone)

    @property
    def before(self) -> tuple[datetime, datetime] | None:
        """Start and end of the time compared with; None where nothing is compared."""
        if self.before_first is None or self.before_beyond is None:
            return None
        return _midnight(self.before_first, self.zone), _midnight(self.before_beyond, self.zone)

    @property
    def last(self) -> date:
        """Its last day."""
        return self.beyond - timedelta(days=1)

    @property
    def words(self) -> str:
        """Its days in words, such as "October 2026" or "Aug 1 to Oct 31, 2026"."""
        return _words(self.first, self.beyond)

    @property
    def before_words(self) -> str:
        """The days of the time compared with, or nothing."""
        if self.before_first is None or self.before_beyond is None:
            return ""
        return _words(self.before_first, self.before_beyond)

    def months(self) -> list[date]:
        """The first day of each month that it touches, oldest first."""
        found, month = [], self.first.replace(day=1)
        while month < self.beyond:
            found.append(month)
            month = add_months(month, 1)
        return found


def resolve(params: Mapping[str, str], now: datetime, zone: ZoneInfo) -> Period:
    """The period that `period`, `from`, `through` (both included) and `compare` name; BadParameter says which is wrong.

    `now` is aware. A period with today in it is not complete and is compared with nothing.
    """
    key = params.get("period") or ("custom" if params.get("from") or params.get("through") else "last_month")
    compare = params.get("compare") or "before"
    if key not in CHOICES:
        raise BadParameter("period", key, f"one of {', '.join(CHOICES)}")
    if compare not in COMPARISONS:
        raise BadParameter("compare", compare, f"one of {', '.join(COMPARISONS)}")
    today = now.astimezone(zone).date()
    first, beyond = _custom(params) if key == "custom" else _days(key, today)
    if first > today:
        raise BadParameter("from" if key == "custom" else "period", first.isoformat(), "a day until today")
    complete = beyond <= today
    if not complete:
        compare = "none"
    before_first, before_beyond = _compared(first, beyond, compare) or (None, None)
    return Period(key, compare, zone, first, beyond, before_first, before_beyond, complete)


def add_months(day: date, months: int) -> date:
    """The same day so many months on (or back), the month's last day where it has no such day."""
    index = day.year * 12 + day.month - 1 + months
    year, month = index // 12, index % 12 + 1
    following = date(year + month // 12, month % 12 + 1, 1)
    return min(date(year, month, 1) + timedelta(days=day.day - 1), following - timedelta(days=1))


def _days(key: str, today: date) -> tuple[date, date]:
    month = today.replace(day=1)
    if key == "quarter":
        return date(today.year, (today.month - 1) // 3 * 3 + 1, 1), today + timedelta(days=1)
    if key == "year":
        return date(today.year, 1, 1), today + timedelta(days=1)
    return add_months(month, {"last_month": -1, "last_3": -3, "last_12": -12}[key]), month


def _custom(params: Mapping[str, str]) -> tuple[date, date]:
    first, last = _day(params, "from"), _day(params, "through")
    if last < first:
        raise BadParameter("through", last.isoformat(), f"a day from {first.isoformat()} on")
    if last >= add_months(first, 12 * LONGEST_YEARS):
        raise BadParameter("through", last.isoformat(), f"within {LONGEST_YEARS} years of {first.isoformat()}")
    return first, last + timedelta(days=1)


def _day(params: Mapping[str, str], name: str) -> date:
    text = params.get(name, "")
    expected = "a day such as 2026-10-31"
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise BadParameter(name, text, expected) from None
    if len(text) != 10 or not 2000 <= day.year <= 2100:
        raise BadParameter(name, text, expected)
    return day


def _compared(first: date, beyond: date, compare: str) -> tuple[date, date] | None:
    if compare == "none":
        return None
    if compare == "year":
        return add_months(first, -12), add_months(beyond, -12)
    if first.day == beyond.day == 1:
        months = (beyond.year - first.year) * 12 + beyond.month - first.month
        return add_months(first, -months), first
    return first - (beyond - first), first


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)


def _words(first: date, beyond: date) -> str:
    last = beyond - timedelta(days=1)
    if first.day == beyond.day == 1 and add_months(first, 1) == beyond:
        return f"{first:%B %Y}"
    if first == last:
        return f"{first:%b} {first.day}, {first.year}"
    start = f"{first:%b} {first.day}" + ("" if first.year == last.year else f", {first.year}")
    return f"{start} to {last:%b} {last.day}, {last.year}"
