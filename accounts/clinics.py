"""Clinics: the functions that make, change and close them, for pages and API alike."""

import re
from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db import transaction

from accounts import changing, contact, hours, zones
from accounts.changing import Changed
from accounts.models import Clinic, Membership, SettingsChange, User
from accounts.naming import one_line

FIELDS = frozenset({
    "name", "message_name", "time_zone", "phone", "address", "hours", "holidays", "booking_url", "recovery_lead",
})  # fmt: skip
LONGEST_LIST = 200  # closed days
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


def change(clinic: Clinic, *, by: User | None, now: datetime, version: int, over: int = 0, **fields: Any) -> Changed:
    """Change some of a clinic's `FIELDS`; a placeholder made by a feed has a name of its own from then on.

    ValidationError by field; changing.Stale where somebody changed the same field since `version`. The caller audits.
    """
    _known(fields)
    normal = _normal(fields)
    if not clinic.named and normal.get("name", clinic.name) != clinic.name:
        normal["named"] = True
    return changing.change(clinic, by=by, now=now, version=version, over=over, fields=normal, check=_check)


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


def federal_holidays(year: int) -> dict[date, str]:
    """The federal holidays of the United States in `year`, as observed: day to name, in order."""
    import holidays as national  # noqa: PLC0415  (no web worker needs it: tests/prm/test_footprint.py)

    return dict(sorted(national.country_holidays("US", years=year).items()))


def _known(fields: Mapping[str, Any]) -> None:
    if unknown := set(fields) - FIELDS:
        raise ValidationError(dict.fromkeys(unknown, "A clinic has no such setting, or it cannot be changed."))


def _normal(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The values as they are kept. ValidationError by field."""
    readers: dict[str, Callable[[Any], Any]] = {
        "phone": contact.phone, "time_zone": zones.find, "hours": hours.check, "holidays": _closed_days,
        "booking_url": _booking_url, "name": one_line, "message_name": one_line, "address": one_line,
    }  # fmt: skip
    made, wrong = dict(fields), {}
    for name, read in readers.items():
        if name in made:
            try:
                made[name] = read(made[name])
            except ValidationError as problem:
                wrong[name] = problem.messages
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
