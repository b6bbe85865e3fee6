"""What is kept how long, and why; the ranges within which a practice may choose (security.md §5)."""

from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

MONTHS = (3, 6, 13)  # a practice's choices; after 13 months the whole month's partition goes (messaging.md §1)
AUDIT_YEARS = CONSENT_YEARS = 6  # 45 CFR 164.316(b)(2)(i), 164.530(j)
SLICE_SECONDS = 45  # of the 60 that a slice of nightly work may take (DESIGN.md §5)
SLICE_ROWS = 1_000
ROWS_AN_HOUR = 20_000  # that the hourly task of one kind deletes at least, measured in slices


@dataclass(frozen=True, slots=True)
class Kept:
    """One kind of data as the page tells it: for how long, and the reason."""

    what: str
    how_long: str
    why: str


FIXED = (
    Kept(
        "Who read and changed what (audit)", "6 years",
        "The law wants a record of who saw patient data. Nobody can change it or shorten it.",
    ),
    Kept(
        "Consent and revocation", "6 years",
        "They prove that a patient said yes or no, and when.",
    ),
    Kept(
        "Patients, episodes, visits, answers to surveys", "As long as the practice works with us",
        "They are your records; nothing of them goes by itself.",
    ),
)  # fmt: skip


Count = Callable[[datetime], int]
_counts: dict[str, Count] = {}


@dataclass(frozen=True, slots=True)
class Goes:
    """What a shorter time deletes of one kind: how many rows, and the moment (aware) by which they are gone."""

    setting: str
    count: int
    by: datetime


def register(setting: str, count: Count) -> None:
    """Say how many rows of the open practice a time deletes that is kept in `setting`, a column of `Practice`.

    From AppConfig.ready(). `count(before)`: those from before that moment, which the hourly task would delete.
    """
    _counts[setting] = count


def goes(setting: str, months: int, *, now: datetime) -> Goes:
    """What goes where `setting` becomes `months`. KeyError for a setting that no app registered."""
    count = _counts[setting](cutoff(now, months))
    return Goes(setting, count, now + timedelta(hours=1 + count // ROWS_AN_HOUR))


def cutoff(now: datetime, months: int) -> datetime:
    """The moment before which bodies go: `months` calendar months before `now` (aware); a shorter month's last day."""
    year, month = divmod(now.year * 12 + now.month - 1 - months, 12)
    return now.replace(year=year, month=month + 1, day=min(now.day, monthrange(year, month + 1)[1]))
