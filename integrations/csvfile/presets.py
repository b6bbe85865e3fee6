"""Layouts that are publicly known, and the settings that follow from a product (integrations.md §4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from integrations.csvfile.fields import FIELDS
from integrations.csvfile.mapping import ColumnPlan, FileMapping, missing_key
from integrations.csvfile.tables import normal

PRESETS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "generic": ("Any file with a header", {}),
    "webpt": ("WebPT, Standard Extract", {"authority": "WebPT"}),
    "jane": ("Jane, reports", {"authority": "Jane"}),
    "prompt": ("Prompt", {}),
    "nethealth": ("Net Health, Casamba", {}),
    "keet": ("Reach or Keet, export", {}),
}  # fmt: skip


@dataclass(frozen=True)
class Layout:
    """One table of a product: its columns by normal name (empty: known and not needed), and what holds for all rows."""

    name: str
    columns: Mapping[str, str]
    needed: frozenset[str]  # columns by which the table is recognised
    constants: Mapping[str, str]
    codes: Mapping[str, Mapping[str, str]]
    notes: bool = False
    greatest_id: bool = False
    window_days: int = 0


_FLAG = {"deleted": {"1": "no", "2": "no", "3": "yes"}}
_INSURANCE = {"payer": {
    "3": "medicare", "5": "self_pay", "6": "medicaid", "7": "workers_comp", "10": "auto", "16": "medicare_advantage",
    **dict.fromkeys(("1", "2", "4", "9", "11", "12", "14", "17"), "commercial"),
    **dict.fromkeys(("8", "13", "15"), "other"),
}}  # fmt: skip
_NOTES = {"visit_kind": {"ie": "evaluation", "dn": "treatment", "pn": "re_evaluation", "ds": "discharge",
                         "dq": "discharge"}}  # fmt: skip

# WebPT's appointments, charges and authorizations as its help pages list them; the other tables by the columns that
# those refer to. A column that stands here under no name is known to be of no use or is passed over.
_WEBPT = (
    Layout("appointments", {
        "appointmnet_id": "visit_id", "appointment_id": "visit_id", "start_date": "visit_start",
        "end_date": "visit_end", "check_in_time": "checked_in", "clinic_id": "clinic_id",
        "therapist_id": "therapist_id", "appointment_type": "visit_kind", "case_id": "case_id",
        "patient_id": "patient_id", "appointment_status": "visit_status", "reason": "cancel_reason",
        "time_stamp": "updated_at",
    }, frozenset({"start_date", "appointment_status", "patient_id"}), {},
        {"visit_status": {"active": "booked", "inactive": "cancelled"}}, greatest_id=True, window_days=14),
    Layout("charges", {
        "visit_id": "visit_id", "visit_date": "visit_start", "clinic_id": "clinic_id", "patient_id": "patient_id",
        "case_id": "case_id", "therapist_id": "therapist_id", "insurance_type_id": "payer", "note_type": "visit_kind",
        "note_finalized_date": "note_finalised", "modified_date": "updated_at",
    }, frozenset({"record_pointer", "visit_id", "cpt"}), {}, _INSURANCE | _NOTES, notes=True),
    Layout("authorizations", {
        "case_id": "case_id", "patient_id": "patient_id", "auth_end_date": "authorised_to",
        "visit_authorized_for": "authorised_visits", "modified_date": "updated_at",
    }, frozenset({"authorization_id", "case_id"}), {}, {}),
    Layout("visits", {
        "visit_id": "visit_id", "visit_date": "visit_start", "date_of_service": "visit_start",
        "note_type": "visit_kind", "case_id": "case_id", "patient_id": "patient_id", "therapist_id": "therapist_id",
        "clinic_id": "clinic_id", "note_finalized_date": "note_finalised", "finalized_date": "note_finalised",
        "modified_date": "updated_at", "export_flag": "deleted",
    }, frozenset({"visit_id", "note_type", "case_id"}), {}, _NOTES | _FLAG, notes=True),
    Layout("cases", {
        "case_id": "case_id", "patient_id": "patient_id", "case_status": "case_status",
        "case_created_date": "opened", "case_start_date": "opened", "initial_eval_date": "opened",
        "discharge_date": "discharged", "case_closed_date": "case_closed", "discharge_reason": "discharge_reason",
        "therapist_id": "therapist_id", "primary_therapist_id": "therapist_id", "clinic_id": "clinic_id",
        "insurance_type_id": "payer", "primary_diagnosis": "diagnosis", "diagnosis_code": "diagnosis",
        "icd10_code": "diagnosis", "surgery_date": "surgery_date", "referring_physician": "referrer_name",
        "modified_date": "updated_at", "export_flag": "deleted",
    }, frozenset({"case_id", "patient_id", "case_closed_date"}), {}, _INSURANCE | _FLAG),
    Layout("patients", {
        "patient_id": "patient_id", "first_name": "first_name", "patient_first_name": "first_name",
        "last_name": "last_name", "patient_last_name": "last_name", "date_of_birth": "birth_date",
        "dob": "birth_date", "birth_date": "birth_date", "gender": "sex", "sex": "sex", "email": "email",
        "email_address": "email", "mobile_phone": "phone", "cell_phone": "phone", "home_phone": "home_phone",
        "address": "address", "address_1": "address", "address1": "address", "address_2": "address2",
        "address2": "address2", "city": "city", "state": "state", "zip": "postal_code", "zip_code": "postal_code",
        "preferred_language": "language", "modified_date": "updated_at", "export_flag": "deleted",
    }, frozenset({"patient_id", "last_name"}), {}, _FLAG),
    Layout("therapists", {
        "therapist_id": "therapist_id", "therapist_name": "therapist", "npi": "therapist_npi",
        "modified_date": "updated_at",
    }, frozenset({"therapist_id", "therapist_name"}), {}, {}),
    Layout("clinics", {
        "clinic_id": "clinic_id", "clinic_name": "clinic", "modified_date": "updated_at",
    }, frozenset({"clinic_id", "clinic_name"}), {}, {}),
)  # fmt: skip
LAYOUTS: Mapping[str, Sequence[Layout]] = {"webpt": _WEBPT}


def _columns(layout: Layout, names: Sequence[str]) -> dict[str, ColumnPlan]:
    """The columns of a layout; of two that mean the same the first one in the file has it."""
    taken: set[str] = set()
    columns = {}
    for name in names:
        field = layout.columns.get(name, "")
        columns[name] = ColumnPlan("" if field in taken else field)
        taken.add(field)
    return columns


def find(preset: str, header: Sequence[str]) -> FileMapping | None:
    """The mapping that a preset has for a header: every column is known to it and a row can be told from another."""
    names = [normal(name) for name in header]
    if all(name in FIELDS for name in names) and not missing_key(set(names)):
        return FileMapping({name: ColumnPlan(name) for name in names}, source="generic")
    for layout in LAYOUTS.get(preset, ()):
        if layout.needed <= set(names):
            columns = _columns(layout, names)
            codes = {field: dict(told) for field, told in layout.codes.items()}
            return FileMapping(
                columns, constants=dict(layout.constants), codes=codes, source=f"{preset}: {layout.name}",
                notes=layout.notes, greatest_id=layout.greatest_id, window_days=layout.window_days,
            )  # fmt: skip
    return None
