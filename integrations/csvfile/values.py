"""Readers of cells: dates, moments, whole numbers, ids. A date's order is never guessed here; callers say it. Pure."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from integrations.hl7v2.fields import Moment, from_wall
from prm.clock import local_moment

DMY, MDY = ORDER_NAMES = ("dmy", "mdy")
EARLIEST = date(1890, 1, 1)
_MONTHS = {name: number for number, name in enumerate(
    ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
)}  # fmt: skip
_TIME = r"(?:[ T]+(?P<time>\d{1,2}[:.]\d{2}.*|\d{1,2} ?[ap]\.?m\.?|\d{4,6}(?:[+-]\d{4}|Z)?))?"
_ISO = re.compile(rf"(?P<y>\d{{4}})[-/.](?P<m>\d{{1,2}})[-/.](?P<d>\d{{1,2}}){_TIME}", re.I)
_COMPACT = re.compile(r"(?P<y>(?:18|19|20|21)\d{2})(?P<m>\d{2})(?P<d>\d{2})(?:[ T]?(?P<time>\d{4}|\d{6}))?")
_NUMBERS = re.compile(rf"(?P<a>\d{{1,2}})(?P<sep>[-/.])(?P<b>\d{{1,2}})(?P=sep)(?P<y>\d{{4}}|\d{{2}}){_TIME}", re.I)
_NAMED = re.compile(
    rf"(?:[a-z]{{3,9}}\.?,? )?(?:(?P<d1>\d{{1,2}})(?:st|nd|rd|th)?[-/. ]*(?P<m1>[a-z]{{3,9}})\.?[-/., ]*"
    rf"|(?P<m2>[a-z]{{3,9}})\.?[-/. ]*(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?[-/., ]+)(?P<y>\d{{4}}|\d{{2}}){_TIME}",
    re.I,
)
_SERIAL = re.compile(r"\d{5}(?:[.,]\d+)?")
_CLOCK = re.compile(
    r"(?P<h>\d{1,2})(?:[:.]?(?P<m>\d{2}))?(?:[:.]?(?P<s>\d{2})(?:[.,]\d{1,9})?)? ?(?P<half>[ap]\.?m\.?)?"
    r" ?(?P<zone>Z|UTC|[+-]\d{2}:?\d{2})?",
    re.I,
)
_WHOLE = re.compile(r"\d+")


class Stamp(NamedTuple):
    """A date and perhaps a time as written; `offset` where it said one."""

    day: date
    wall: time | None = None
    offset: timedelta | None = None


def orders_of(text: str) -> frozenset[str] | None:
    """The orders of day and month under which this is a date; None where order is no question (ISO, month names).

    Both for 03/04/2026, one for 13/04/2026, none for 31/02/2026 and 13/13/2026. A day equal to its month, such as
    05/05/2026, reads the same either way: None.
    """
    match = _NUMBERS.fullmatch(text.strip())
    if match is None or match["a"] == match["b"] or int(match["a"]) == int(match["b"]):
        return None
    a, b, year = int(match["a"]), int(match["b"]), match["y"]
    full = int(year) if len(year) == 4 else 2000 + int(year)
    return frozenset(
        order for order, day, month in ((DMY, a, b), (MDY, b, a)) if _date(full, month, day, short=len(year) == 2)
    )


def _date(year: int, month: int, day: int, *, short: bool = False) -> date | None:
    """The date; for a year of two digits 29 February is taken as one (its century is not known here)."""
    try:
        return date(2000 if short and (month, day) == (2, 29) else year, month, day)
    except ValueError:
        return None


def stamp(text: str, *, order: str = "", epoch: int = 1900, birth: date | None = None) -> Stamp | None:
    """Read a date, with a time or without; None where it is none.

    `order` decides what numbers alone do not (DMY or MDY); without it such a date is read only where both agree.
    `epoch`: what day numbers of five digits count from (1900 or 1904). `birth`: today, where this is a birth date: a
    year of two digits is then in the past; else it is 20xx.
    """
    told = " ".join(text.split())
    if match := _ISO.fullmatch(told) or _COMPACT.fullmatch(told):
        return _stamp(match["y"], match["m"], match["d"], match["time"], birth)
    if match := _NUMBERS.fullmatch(told):
        possible = orders_of(f"{match['a']}/{match['b']}/{match['y']}")
        if possible is not None:
            if order not in possible and not (order == "" and len(possible) == 1):
                return None
            order = order or next(iter(possible))
        day, month = (match["a"], match["b"]) if order != MDY else (match["b"], match["a"])
        return _stamp(match["y"], month, day, match["time"], birth)
    if match := _NAMED.fullmatch(told):
        number = _MONTHS.get((match["m1"] or match["m2"])[:3].lower())
        return _stamp(match["y"], str(number), match["d1"] or match["d2"], match["time"], birth) if number else None
    return serial(told, epoch=epoch) if _SERIAL.fullmatch(told) else None


def _stamp(year: str, month: str, day: str, clock: str | None, birth: date | None) -> Stamp | None:
    full = int(year) if len(year) == 4 else two_digits(int(year), int(month), int(day), birth)
    try:
        read = date(full, int(month), int(day))
    except ValueError:
        return None
    if not clock:
        return Stamp(read)
    at = wall_time(clock)
    if at is None:
        return None
    if at[0] == "midnight":
        return Stamp(read + timedelta(days=1), time(), at[2])
    return Stamp(read, at[1], at[2])


def two_digits(year: int, month: int, day: int, birth: date | None) -> int:
    """The year that two digits mean: 20xx; of a birth the latest that is not in the future."""
    full = 2000 + year
    if birth is not None and (full, month, day) > (birth.year, birth.month, birth.day):
        full -= 100
    return full


def serial(text: str, *, epoch: int = 1900) -> Stamp | None:
    """A spreadsheet's day number: days since 1899-12-30, or since 1904-01-01; a fraction is the time of day."""
    try:
        number = float(text.replace(",", "."))
        start = datetime(1904, 1, 1) if epoch == 1904 else datetime(1899, 12, 30)  # noqa: DTZ001  (wall time)
        at = start + timedelta(seconds=round(number * 86400))
    except (ValueError, OverflowError):
        return None
    return Stamp(at.date(), at.time() if not number.is_integer() else None)


def wall_time(text: str) -> tuple[str, time, timedelta | None] | None:
    """A time of day: `14:30`, `2:30 PM`, `143000`, with an offset perhaps; 24:00 comes as `midnight`."""
    match = _CLOCK.fullmatch(text.strip())
    if match is None or (match["m"] is None and match["half"] is None):
        return None
    hour, minute, second = int(match["h"]), int(match["m"] or 0), int(match["s"] or 0)
    if match["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if match["half"].lower().startswith("p") else 0)
    midnight = hour == 24 and minute == second == 0
    try:
        at = time(0 if midnight else hour, minute, min(second, 59) if second == 60 else second)
    except ValueError:
        return None
    return ("midnight" if midnight else "", at, _offset(match["zone"]))


def _offset(text: str | None) -> timedelta | None:
    if not text:
        return None
    if text.upper() in {"Z", "UTC"}:
        return timedelta()
    digits = text[1:].replace(":", "")
    delta = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return delta if text[0] == "+" else -delta


def moment(told: Stamp, zone: ZoneInfo, clock: str = "") -> Moment | None:
    """The moment of a stamp in `zone`, with the time of another cell (`clock`) where it has none itself.

    A date alone is 12:00 there, precision day. None for a clock that cannot be read, or a year nobody means.
    """
    day, at, offset = told
    if at is None and clock.strip():
        if _SERIAL_TIME.fullmatch(clock.strip()):
            seconds = round(float(clock) * 86400)
            at = (datetime(2000, 1, 1) + timedelta(seconds=seconds)).time()  # noqa: DTZ001  (a time of day)
        elif read := wall_time(clock):
            at, offset = read[1], read[2]
        else:
            return None
    if not 1000 < day.year < 9000:
        return None
    if at is None:
        return Moment(local_moment(day, time(12), zone), day_only=True)
    wall = datetime.combine(day, at)
    if offset is not None:
        return Moment((wall - offset).replace(tzinfo=UTC))
    return from_wall(wall, zone)


_SERIAL_TIME = re.compile(r"0?\.\d+")


def birth_date(told: Stamp, today: date) -> date | None:
    """The date of birth, whatever time or offset it was written with; None in the future or before 1890."""
    return told.day if EARLIEST <= told.day <= today + timedelta(days=1) else None


def identifier(text: str) -> str | None:
    """An id as text: `12345.0` is 12345, `0042` stays. None where a spreadsheet has rounded it (`1.2E+11`)."""
    told = " ".join(text.split())
    if re.fullmatch(r"\d+[.,]0+", told):
        return re.split(r"[.,]", told)[0]
    if match := re.fullmatch(r"(\d)(?:[.,](\d+))?E\+?(\d{1,2})", told, re.I):
        digits = len(match[2] or "")
        return (match[1] + (match[2] or "")).ljust(int(match[3]) + 1, "0") if digits == int(match[3]) else None
    return told


def decimal_mark(texts: Iterable[str]) -> str:
    """`,` where numbers are written 1.234,5; else `.`."""
    for text in texts:
        told = text.strip()
        if re.fullmatch(r"-?\d+,\d{1,2}|-?\d{1,3}(\.\d{3})+,\d+|-?\d+,\d{4,}", told):
            return ","
        if re.fullmatch(r"-?\d+\.\d{1,2}|-?\d{1,3}(,\d{3})+\.\d+|-?\d+\.\d{4,}", told):
            return "."
    return "."


def whole(text: str, *, mark: str = ".") -> int | None:
    """A whole number, `12`, `12.0`, `1,234` (with `mark` `,`: `12,0`, `1.234`); None for anything else."""
    told = text.strip().replace(" ", "").replace("\u00a0", "")
    group = "," if mark == "." else "."
    if group in told and not re.fullmatch(rf"[+-]?\d{{1,3}}(\{group}\d{{3}})+(\{mark}\d+)?", told):
        return None
    told = told.replace(group, "")
    match = re.fullmatch(rf"([+-]?\d+)(?:\{mark}0+)?", told)
    return int(match[1]) if match else None
