"""Finding patients by a part of a name, a phone number, a birth date or the id of another system.

Every way uses an index under row security (DESIGN.md section 2): ranges and equality, which are leakproof, and for
parts of names the function prm_search_patients (security.md section 1).
"""

import re
from datetime import date, datetime

import phonenumbers
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.expressions import RawSQL

from patients.models import Episode, ExternalId, Patient
from patients.models.people import search_form
from patients.scope import Viewer

LAST = "\U0010ffff"  # sorts after every other character in the collation "C"
FEWEST_LETTERS = 3  # of one word, for any part of a name; fewer find the start of the last name
MOST_BY_PART = 2000  # found by a part of a name; whoever finds more types more
DATES = ("%Y-%m-%d", "%m/%d/%Y", "%m-%d-%Y", "%m/%d/%y", "%b %d %Y", "%B %d %Y")
EVERYONE, ACTIVE, SLIPPING = "everyone", "active", "nothing-booked"


def matching(text: str) -> Q:
    """The condition for what was typed: a birth date, else a phone or an id, else parts of a name in any order.

    Empty text matches everyone. A name is compared without accents and case; an id as it is written, in capitals too.
    """
    if (born := _date(text)) is not None:
        return Q(birth_date=born)
    if (number := _phone(text)) is not None:
        by_phone = Patient.objects.filter(phone=number).values("pk")
        return Q(pk__in=by_phone.union(_with_id(text), all=True))
    if re.search(r"\d", text):
        return Q(pk__in=_with_id(text))
    wanted = search_form(text.replace(",", " "))
    if not wanted:
        return Q()
    if max(map(len, wanted.split())) < FEWEST_LETTERS:
        return name_starts(wanted)
    return Q(pk__in=RawSQL("SELECT prm_search_patients(%s, %s)", [wanted, MOST_BY_PART]))


def listed(view: str, text: str, viewer: Viewer) -> QuerySet[Patient]:
    """The patients of a view that match and that the viewer may see; merged and archived ones are left out."""
    patients = Patient.objects.visible_to(viewer).filter(matching(text), merged_into=None, archived_at=None)
    episodes = Episode.objects.filter(patient=OuterRef("pk"))
    if view == ACTIVE:
        return patients.filter(Exists(episodes.active()))
    if view == SLIPPING:
        return patients.filter(Exists(episodes.slipping()))
    return patients


def first_few(text: str, viewer: Viewer, *, most: int) -> list[Patient]:
    """The best matches: those whose last name starts as typed come first, by name. Two statements at most."""
    wanted = search_form(text.replace(",", " "))
    everyone = listed(EVERYONE, text, viewer).order_by("search_name", "pk")
    if not wanted or re.search(r"\d", text):
        return list(everyone[:most]) if wanted else []
    started = listed(EVERYONE, "", viewer).filter(name_starts(wanted)).order_by("search_name", "pk")
    found = list(started[:most])
    if len(found) < most and max(map(len, wanted.split())) >= FEWEST_LETTERS:
        found += everyone.exclude(pk__in=[patient.pk for patient in found])[: most - len(found)]
    return found


def name_starts(name: str) -> Q:
    """The condition that “last first” starts with `name`, in the form that `search_form` gives."""
    return Q(search_name__gte=name, search_name__lt=name + LAST)


def _with_id(text: str) -> QuerySet:
    """The patients whom another system knows by what was typed."""
    return ExternalId.objects.filter(value__in={text.strip(), text.strip().upper()}).values("patient")


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
