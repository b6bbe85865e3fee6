"""What is kept how long, and why; the ranges within which a practice may choose (security.md §5)."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import datetime

MONTHS = (3, 6, 13)  # a practice's choices; after 13 months the whole month's partition goes (messaging.md §1)
AUDIT_YEARS = CONSENT_YEARS = 6  # 45 CFR 164.316(b)(2)(i), 164.530(j)
SLICE_SECONDS = 45  # of the 60 that a slice of nightly work may take (DESIGN.md §5)
SLICE_ROWS = 1_000


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


def cutoff(now: datetime, months: int) -> datetime:
    """The moment before which bodies go: `months` calendar months before `now` (aware); a shorter month's last day."""
    year, month = divmod(now.year * 12 + now.month - 1 - months, 12)
    return now.replace(year=year, month=month + 1, day=min(now.day, monthrange(year, month + 1)[1]))
