"""A patient's copy of the record (45 CFR 164.524): what is kept about one person, section by section.

Apps register the parts that they own; a copy is what they return for the person, in their order.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from accounts.models import Practice
from patients import rights
from patients.models import Consent, Patient, Visit

Row = dict[str, Any]  # label to a value: text, number, date, moment (aware), or None
Part = Callable[[Patient, datetime], list[Row]]


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the copy: its heading, and a row for each thing in it."""

    title: str
    rows: list[Row]


_parts: dict[str, tuple[int, Part]] = {}


def register(title: str, part: Part, *, order: int) -> None:
    """Add a part (from AppConfig.ready), shown in `order`. ValueError where the title is taken."""
    if title in _parts:
        raise ValueError(f"part {title!r} of the patient's copy is registered twice")
    _parts[title] = (order, part)


def sections(patient: Patient, *, now: datetime) -> list[Section]:
    """All parts that hold something, in order."""
    found = [Section(title, part(patient, now)) for title, (_order, part) in _in_order()]
    return [section for section in found if section.rows]


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
    return {label: value.isoformat() if isinstance(value, date) else value for label, value in row.items()}


def _person(patient: Patient, now: datetime) -> list[Row]:
    address = ", ".join(str(part) for part in patient.address.values() if part)
    return [{
        "Name": patient.full_name, "Born": patient.birth_date, "Sex": patient.get_sex_display(),
        "Language": patient.language, "E-mail": patient.email, "Phone": patient.phone, "Address": address,
        "Patient here since": patient.created_at, "No contact since": patient.restricted_at,
        "Ids": ", ".join(patient.external_ids.order_by("value").values_list("value", flat=True)),
    }]  # fmt: skip


def _episodes(patient: Patient, now: datetime) -> list[Row]:
    found = patient.episodes.select_related("clinic", "therapist").prefetch_related("regions").order_by("opened_at")
    return [
        {
            "Opened": one.opened_at, "Status": one.get_status_display(), "Clinic": one.clinic and one.clinic.name,
            "Therapist": one.therapist and str(one.therapist), "Diagnosis codes": ", ".join(one.diagnosis_codes),
            "Surgery": one.surgery_date, "Planned visits": one.planned_visits, "Visits attended": one.visit_count,
            "Discharged": one.discharged_at, "Discharge reason": one.get_discharge_reason_display(),
        }
        for one in found
    ]  # fmt: skip


def _visits(patient: Patient, now: datetime) -> list[Row]:
    found = Visit.objects.filter(patient=patient).select_related("clinic", "therapist").order_by("starts_at")
    return [
        {
            "When": one.starts_at, "Kind": one.get_kind_display(), "Status": one.get_status_display(),
            "Clinic": one.clinic and one.clinic.name, "Therapist": one.therapist and str(one.therapist),
        }
        for one in found
    ]  # fmt: skip


def _consents(patient: Patient, now: datetime) -> list[Row]:
    return [
        {
            "When": one.at, "What": "granted" if one.granted else "taken back", "Channel": one.get_channel_display(),
            "Purpose": one.get_purpose_display(), "How": one.get_how_display(), "Evidence": one.evidence,
        }
        for one in Consent.objects.filter(patient=patient).order_by("at", "id")
    ]  # fmt: skip


def _amendments(patient: Patient, now: datetime) -> list[Row]:
    return [
        {
            "Asked": one.asked_at, "What the patient wrote": one.request_text, "Decision": one.get_decision_display(),
            "Answer": one.answer_text, "Decided": one.decided_at,
        }
        for one in patient.amendments.order_by("asked_at")
    ]  # fmt: skip


def _disclosures(patient: Patient, now: datetime) -> list[Row]:
    return [
        {"When": one.at, "Told": one.recipient, "What": one.what, "Why": one.purpose}
        for one in rights.disclosures(patient, now=now)
    ]


def register_own() -> None:
    """The parts that `patients` owns."""
    own = (
        ("Person", _person), ("Episodes of care", _episodes), ("Visits", _visits), ("Consents", _consents),
        ("Requests to correct the record", _amendments), ("Who was told about you", _disclosures),
    )  # fmt: skip
    for at, (title, part) in enumerate(own):
        register(title, part, order=10 * (at + 1))
