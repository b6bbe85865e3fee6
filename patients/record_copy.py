"""A patient's copy of the record (45 CFR 164.524): what is kept about one person, section by section.

Apps register the parts that they own; a copy is what they return for the person, in their order and in the active
language. It is made on the spot, for staff as for the patient on his own page.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from accounts.models import Practice
from patients import rights
from patients.models import Consent, Patient, Visit
from prm.ui import pdf

FORMS = {"pdf": "application/pdf", "json": "application/json"}
LANGUAGES = {"en": gettext_lazy("English"), "es": gettext_lazy("Spanish")}
Row = dict[str, Any]  # label to a value: text, number, date, moment (aware), or None
Part = Callable[[Patient, datetime], list[Row]]


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the copy: its heading, and a row for each thing in it."""

    title: str
    rows: list[Row]


_parts: dict[str, tuple[int, Part]] = {}


def register(title: str, part: Part, *, order: int) -> None:
    """Add a part (from AppConfig.ready), shown in `order`. ValueError where the title is taken.

    `title`: in English, marked with gettext_noop; the part's own words are in the active language.
    """
    if title in _parts:
        raise ValueError(f"part {title!r} of the patient's copy is registered twice")
    _parts[title] = (order, part)


def sections(patient: Patient, *, now: datetime) -> list[Section]:
    """All parts that hold something, in order."""
    found = [Section(_(title), part(patient, now)) for title, (_order, part) in _in_order()]
    return [section for section in found if section.rows]


def make(request: HttpRequest, patient: Patient, form: str, *, language: str, now: datetime) -> bytes:
    """The copy as a file, `pdf` in a language, or `json` (for programs: in English). KeyError for another form.

    `prm.ui.pdf.PangoMissing` where this machine makes no PDFs.
    """
    practice: Practice = request.practice  # type: ignore[attr-defined]
    with translation.override("en" if form == "json" else language):
        found = sections(patient, now=now)
        if form == "json":
            return json.dumps(as_data(practice, patient, found, now=now), ensure_ascii=False, indent=2).encode()
        return pdf.render(render_to_string("patients/copy_print.html", {"sections": found, "now": now}, request))


def as_data(practice: Practice, patient: Patient, found: list[Section], *, now: datetime) -> dict[str, Any]:
    """The copy as JSON values; moments in UTC (ISO 8601)."""
    return {
        "format": "prm.patient-copy/1",
        "practice": practice.name,
        "patient": str(patient.pk),
        "made_at": now.isoformat(),
        "sections": [{"title": section.title, "rows": [_plain(row) for row in section.rows]} for section in found],
    }


def _in_order() -> list[tuple[str, tuple[int, Part]]]:
    return sorted(_parts.items(), key=lambda item: item[1][0])


def _plain(row: Row) -> Row:
    return {label: _text(value) for label, value in row.items()}


def _text(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else str(value) if isinstance(value, Promise) else value


def _person(patient: Patient, now: datetime) -> list[Row]:
    address = ", ".join(str(part) for part in patient.address.values() if part)
    return [
        {
            _("Name"): patient.full_name,
            _("Born"): patient.birth_date,
            _("Sex"): patient.get_sex_display(),
            _("Language"): LANGUAGES.get(patient.language, patient.language),
            _("E-mail"): patient.email,
            _("Phone"): patient.phone,
            _("Address"): address,
            _("Patient here since"): patient.created_at,
            _("No contact since"): patient.restricted_at,
            _("Ids"): ", ".join(patient.external_ids.order_by("value").values_list("value", flat=True)),
        }
    ]


def _episodes(patient: Patient, now: datetime) -> list[Row]:
    found = patient.episodes.select_related("clinic", "therapist").prefetch_related("regions").order_by("opened_at")
    return [
        {
            _("Opened"): one.opened_at,
            _("Status"): one.get_status_display(),
            _("Clinic"): one.clinic and one.clinic.name,
            _("Therapist"): one.therapist and str(one.therapist),
            _("Diagnosis codes"): ", ".join(one.diagnosis_codes),
            _("Surgery"): one.surgery_date,
            _("Planned visits"): one.planned_visits,
            _("Visits attended"): one.visit_count,
            _("Discharged"): one.discharged_at,
            _("Discharge reason"): one.get_discharge_reason_display(),
        }
        for one in found
    ]


def _visits(patient: Patient, now: datetime) -> list[Row]:
    found = Visit.objects.filter(patient=patient).select_related("clinic", "therapist").order_by("starts_at")
    return [
        {
            _("When"): one.starts_at,
            _("Kind"): one.get_kind_display(),
            _("Status"): one.get_status_display(),
            _("Clinic"): one.clinic and one.clinic.name,
            _("Therapist"): one.therapist and str(one.therapist),
        }
        for one in found
    ]


def _consents(patient: Patient, now: datetime) -> list[Row]:
    return [
        {
            _("When"): one.at,
            _("What"): _("granted") if one.granted else _("taken back"),
            _("Channel"): one.get_channel_display(),
            _("Purpose"): one.get_purpose_display(),
            _("How"): one.get_how_display(),
            _("Evidence"): one.evidence,
        }
        for one in Consent.objects.filter(patient=patient).order_by("at", "id")
    ]


def _amendments(patient: Patient, now: datetime) -> list[Row]:
    return [
        {
            _("Asked"): one.asked_at,
            _("What the patient wrote"): one.request_text,
            _("Decision"): one.get_decision_display(),
            _("Answer"): one.answer_text,
            _("Decided"): one.decided_at,
        }
        for one in patient.amendments.order_by("asked_at")
    ]


def _disclosures(patient: Patient, now: datetime) -> list[Row]:
    return [
        {_("When"): one.at, _("Told"): one.recipient_text, _("What"): one.what_text, _("Why"): one.purpose_text}
        for one in rights.disclosures(patient, now=now)
    ]


def register_own() -> None:
    """The parts that `patients` owns."""
    own = (
        (gettext_noop("Person"), _person),
        (gettext_noop("Episodes of care"), _episodes),
        (gettext_noop("Visits"), _visits),
        (gettext_noop("Consents"), _consents),
        (gettext_noop("Requests to correct the record"), _amendments),
        (gettext_noop("Who was told about you"), _disclosures),
    )
    for at, (title, part) in enumerate(own):
        register(title, part, order=10 * (at + 1))
