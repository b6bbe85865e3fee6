"""Finding patients by the start of a name, a phone number or a birth date, with index ranges (DESIGN.md section 2)."""

import re
from datetime import date, datetime

import phonenumbers
from django.db.models import Exists, OuterRef, Q, QuerySet

from patients.models import Episode, Patient
from patients.models.people import search_form
from patients.scope import Viewer

LAST = "\U0010ffff"  # sorts after every other character in the collation "C"
DATES = ("%Y-%m-%d", "%m/%d/%Y", "%m-%d-%Y", "%m/%d/%y", "%b %d %Y", "%B %d %Y")
EVERYONE, ACTIVE, SLIPPING = "everyone", "active", "nothing-booked"


def matching(text: str) -> Q:
    """The condition for what was typed: a birth date, else a phone, else the start of “last first” or “first last”.

    Empty text matches everyone. A name is compared without accents and case.
    """
    if (born := _date(text)) is not None:
        return Q(birth_date=born)
    if (number := _phone(text)) is not None:
        return Q(phone=number)
    wanted = search_form(text.replace(",", " "))
    if not wanted:
        return Q()
    first, _space, rest = wanted.partition(" ")
    condition = _starts(wanted)
    if rest:  # typed as it is spoken: the first name, then the start of the last
        condition |= _starts(rest) & Q(search_name__contains=f" {first}")
    return condition


def listed(view: str, text: str, viewer: Viewer) -> QuerySet[Patient]:
    """The patients of a view that match and that the viewer may see; merged and archived ones are left out."""
    patients = Patient.objects.visible_to(viewer).filter(matching(text), merged_into=None, archived_at=None)
    episodes = Episode.objects.filter(patient=OuterRef("pk"))
    if view == ACTIVE:
        return patients.filter(Exists(episodes.active()))
    if view == SLIPPING:
        return patients.filter(Exists(episodes.slipping()))
    return patients


def _starts(name: str) -> Q:
    return Q(search_name__gte=name, search_name__lt=name + LAST)


def _date(text: str) -> date | None:
    plain = re.sub(r"[,.]", " ", text).strip()
    for form in DATES:
        try:
            return datetime.strptime(" ".join(plain.split()), form).date()  # noqa: DTZ007  (a date has no zone)
        except ValueError:
            continue
    return None


def _phone(text: str) -> str | None:
    if len(re.sub(r"\D", "", text)) < 10 or re.search(r"[^\d\s()+.\-]", text):
        return None
    try:
        number = phonenumbers.parse(text, "US")
    except phonenumbers.NumberParseException:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
