"""Clinics: the functions that make, change and close them, for pages and API alike."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

import holidays as national
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db import transaction

from accounts import changing, contact, zones
from accounts.changing import Changed
from accounts.models import Clinic, Membership, SettingsChange, User
from prm import clock

FIELDS = frozenset({
    "name", "message_name", "time_zone", "phone", "address", "hours", "holidays", "booking_url", "recovery_lead",
})  # fmt: skip
LONGEST_LIST = 200  # closed days
INTERVALS_A_DAY = 6
DAYS = dict(
    zip(clock.WEEKDAYS, ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"), strict=True)
)
# Words in a clinic's name that tell why its patients come (daily.md §13). Whole words, in any case.
TELLING = (
    "pelvic", "women's health", "womens health", "incontinence", "oncology", "cancer", "lymphedema", "vestibular",
    "dizziness", "balance", "concussion", "neuro", "neurological", "stroke", "parkinson", "pain", "spine", "hand",
    "shoulder", "knee", "hip", "foot", "headache", "tmj", "prenatal", "postpartum", "maternity", "pediatric", "amputee",
    "wound", "cardiac", "pulmonary", "mental", "addiction", "obesity", "bariatric", "hiv", "surgical", "arthritis",
    "scoliosis",
)  # fmt: skip
_TELLING = re.compile(rf"\b(?:{'|'.join(map(re.escape, TELLING))})\b", re.IGNORECASE)


def tells_diagnosis(name: str) -> list[str]:
    """The words of a name that tell a reader why the patients come; empty for a name that messages may carry."""
    return list(dict.fromkeys(found.group().lower() for found in _TELLING.finditer(name.replace("’", "'"))))


def create(*, by: User | None, now: datetime, **fields: Any) -> Clinic:
    """A new clinic in the open practice; `name` and `time_zone` must be given. ValidationError by field."""
    _known(fields)
    clinic = Clinic(**_normal(fields))
    _check(clinic, FIELDS)
    with transaction.atomic():
        clinic.save(force_insert=True)
        made = {name: [None, changing.plain(getattr(clinic, name))] for name in sorted(fields) if fields[name]}
        SettingsChange.objects.create(subject=clinic.pk, version=clinic.version, at=now, by=by, fields=made)
    return clinic


def change(clinic: Clinic, *, by: User | None, now: datetime, version: int, **fields: Any) -> Changed:
    """Change some of a clinic's `FIELDS`; a placeholder made by a feed has a name of its own from then on.

    ValidationError by field; changing.Stale where somebody changed the same field since `version`. The caller audits.
    """
    _known(fields)
    normal = _normal(fields)
    if not clinic.named and normal.get("name", clinic.name) != clinic.name:
        normal["named"] = True
    return changing.change(clinic, by=by, now=now, version=version, fields=normal, check=_check)


def close(clinic: Clinic, *, by: User | None, now: datetime) -> Changed:
    """Close a clinic for good. Its episodes, visits and figures stay; it is offered nowhere any more. Idempotent.

    ValidationError where it is the practice's last open one.
    """
    if clinic.closed_at is None and not Clinic.objects.filter(closed_at=None).exclude(pk=clinic.pk).exists():
        raise ValidationError("This is the only open clinic. Open another one before you close it.")
    moment = clinic.closed_at or now
    return changing.change(
        clinic, by=by, now=now, version=clinic.version, fields={"closed_at": moment}, check=lambda row, names: None
    )


def reopen(clinic: Clinic, *, by: User | None, now: datetime) -> Changed:
    """Undo the closing. Idempotent."""
    return changing.change(
        clinic, by=by, now=now, version=clinic.version, fields={"closed_at": None}, check=lambda row, names: None
    )


def check_hours(hours: Mapping[str, Sequence[Sequence[str]]]) -> dict[str, list[list[str]]]:
    """Opening hours in order: weekday (`Mon`) to intervals such as ["09:00", "12:00"]; “24:00” is midnight at the end.

    ValidationError names the first day and what is wrong there: no weekday, a time that is none, an end that is not
    later than its beginning, intervals that overlap. A day without intervals is left out; hours of no day are refused.
    """
    made: dict[str, list[list[str]]] = {}
    if unknown := set(hours) - set(DAYS):
        raise ValidationError(f"“{sorted(unknown)[0]}” is no weekday (expected {', '.join(DAYS)}).")
    for day in DAYS:
        intervals = sorted([_interval(day, interval) for interval in hours.get(day, ())])
        if len(intervals) > INTERVALS_A_DAY:
            raise ValidationError(
                f"{DAYS[day]} has {len(intervals)} intervals; at most {INTERVALS_A_DAY} are possible."
            )
        for (opens, closes), (next_opens, next_closes) in pairwise(intervals):
            if next_opens < closes:
                raise ValidationError(
                    f"{DAYS[day]}: {opens} to {closes} and {next_opens} to {next_closes} overlap. Make them one, or "
                    "leave a gap."
                )
        if intervals:
            made[day] = [list(interval) for interval in intervals]
    if not made:
        raise ValidationError("Enter the hours of one day at least.")
    return made


def _interval(day: str, interval: Sequence[str]) -> tuple[str, str]:
    if len(interval) != 2:
        raise ValidationError(f"{DAYS[day]}: give a beginning and an end.")
    times = []
    for text in interval:
        if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d|24:00", str(text)):
            raise ValidationError(f"{DAYS[day]}: “{text}” is no time of the day (expected 00:00 to 24:00).")
        times.append(str(text))
    opens, closes = times
    if closes == "00:00":
        closes = "24:00"  # a clinic that closes at midnight
    if opens >= closes:
        raise ValidationError(
            f"{DAYS[day]}: {opens} to {closes} ends before it begins. Hours past midnight belong to the next day."
        )
    return opens, closes


def federal_holidays(year: int) -> dict[date, str]:
    """The federal holidays of the United States in `year`, as observed: day to name, in order."""
    return dict(sorted(national.country_holidays("US", years=year).items()))


def _known(fields: Mapping[str, Any]) -> None:
    if unknown := set(fields) - FIELDS:
        raise ValidationError(dict.fromkeys(unknown, "A clinic has no such setting, or it cannot be changed."))


def _normal(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The values as they are kept. ValidationError by field."""
    readers: dict[str, Callable[[Any], Any]] = {
        "phone": contact.phone, "time_zone": zones.find, "hours": check_hours, "holidays": _closed_days,
        "booking_url": _booking_url,
    }  # fmt: skip
    made, wrong = dict(fields), {}
    for name, read in readers.items():
        if name in made:
            try:
                made[name] = read(made[name])
            except ValidationError as problem:
                wrong[name] = problem.messages
    for name in ("name", "message_name", "address"):
        if name in made:
            made[name] = " ".join(str(made[name]).split())
    if wrong:
        raise ValidationError(wrong)
    return made


def _closed_days(days: Collection[str]) -> list[str]:
    """Closed days as ISO dates, each once, in order. ValidationError names the first that is none."""
    found = set()
    for text in days:
        try:
            found.add(date.fromisoformat(str(text)).isoformat())
        except ValueError:
            raise ValidationError(f"“{text}” is no date (expected YYYY-MM-DD).") from None
    if len(found) > LONGEST_LIST:
        raise ValidationError(f"{len(found)} closed days; at most {LONGEST_LIST} are possible.")
    return sorted(found)


def _booking_url(text: str) -> str:
    """Where patients book, https only; empty for none. ValidationError."""
    address = str(text).strip()
    if not address:
        return ""
    if not address.lower().startswith("https://"):
        raise ValidationError("Enter an address that begins with https://: patients send their name there.")
    URLValidator(schemes=["https"], message="This is no web address (expected https://… with a host).")(address)
    if urlsplit(address).username:
        raise ValidationError("Leave out the sign-in before the @: every patient would see it.")
    return address


def _check(clinic: Clinic, names: Collection[str]) -> None:
    """ValidationError by field for what a clinic may not be."""
    clinic.clean_fields(exclude={field.name for field in clinic._meta.fields} - set(names))
    lead = clinic.recovery_lead_id if "recovery_lead" in names else None
    if lead and not Membership.objects.filter(pk=lead, ended_at=None).exists():
        raise ValidationError({"recovery_lead": "This person does not work here any more."})
