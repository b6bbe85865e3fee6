"""What a column can mean: our fields, how a cell of each is read, and by which names other products call them."""

from collections.abc import Mapping
from dataclasses import dataclass

PATIENT, EPISODE, VISIT, ROW = "Patient", "Episode", "Visit", "Row"
TEXT, ID, DATE, BIRTH, MOMENT, CLOCK, WHOLE, CODE = "text", "id", "date", "birth", "moment", "clock", "whole", "code"
DATES = frozenset({DATE, BIRTH, MOMENT})


@dataclass(frozen=True)
class Field:
    """One of our fields. `reads`: how its cells are read. `synonyms`: normal names (tables.normal) of columns."""

    name: str
    label: str
    group: str
    reads: str = TEXT
    synonyms: tuple[str, ...] = ()


_ALL = (
    Field("patient_id", "Patient's number", PATIENT, ID, (
        "mrn", "patient_number", "patient_no", "patientid", "pat_id", "chart", "chart_number", "chart_no", "account",
        "account_number", "client_id", "client_number", "medical_record_number", "emr_id", "external_id", "id",
        "patient_guid", "patient_account",
    )),
    Field("first_name", "First name", PATIENT, TEXT, (
        "first", "firstname", "given_name", "given", "patient_first_name", "fname", "client_first_name",
        "patient_first", "pt_first_name",
    )),
    Field("last_name", "Last name", PATIENT, TEXT, (
        "last", "lastname", "family_name", "surname", "patient_last_name", "lname", "client_last_name", "patient_last",
        "pt_last_name",
    )),
    Field("full_name", "Name in one column", PATIENT, TEXT, (
        "name", "patient", "patient_name", "client", "client_name", "full_name", "patient_full_name", "pt_name",
    )),
    Field("suffix", "Suffix", PATIENT, TEXT, ("name_suffix", "generation")),
    Field("birth_date", "Date of birth", PATIENT, BIRTH, (
        "dob", "birthdate", "birthday", "date_of_birth", "born", "patient_dob", "birth_day", "d_o_b", "pt_dob",
    )),
    Field("sex", "Sex", PATIENT, CODE, ("gender", "patient_sex", "patient_gender", "administrative_sex", "birth_sex")),
    Field("phone", "Mobile phone", PATIENT, TEXT, (
        "mobile", "mobile_phone", "cell", "cell_phone", "cellphone", "phone_number", "telephone", "patient_phone",
        "mobile_number", "phone_cell", "phone_mobile", "primary_phone",
    )),
    Field("home_phone", "Other phone", PATIENT, TEXT, (
        "home", "phone_home", "phone_2", "phone2", "other_phone", "work_phone", "secondary_phone", "landline",
    )),
    Field("email", "E-mail", PATIENT, TEXT, ("e_mail", "email_address", "e_mail_address", "patient_email", "mail")),
    Field("address", "Street", PATIENT, TEXT, (
        "address1", "address_1", "address_line", "address_line_1", "street", "street_address", "street_1", "addr1",
    )),
    Field("address2", "Street, second line", PATIENT, TEXT, (
        "address_2", "address_line_2", "street_2", "unit", "apt", "addr2",
    )),
    Field("city", "City", PATIENT, TEXT, ("town", "patient_city")),
    Field("state", "State", PATIENT, TEXT, ("province", "region", "patient_state", "state_province")),
    Field("postal_code", "ZIP code", PATIENT, ID, (
        "zip", "zip_code", "zipcode", "postcode", "postal", "patient_zip", "zip_postal_code",
    )),
    Field("country", "Country", PATIENT, TEXT, ("country_code",)),
    Field("language", "Language", PATIENT, CODE, ("preferred_language", "primary_language", "patient_language")),
    Field("deceased_at", "Died on", PATIENT, DATE, ("death_date", "date_of_death", "deceased_date", "deceased")),
    Field("active", "Patient is active", PATIENT, CODE, ("patient_status", "patient_active", "is_active")),
    Field("case_id", "Case or episode number", EPISODE, ID, (
        "episode_id", "case", "case_number", "case_no", "episode", "episode_number", "plan_id", "incident_id",
    )),
    Field("case_status", "Case status", EPISODE, CODE, ("episode_status", "status_of_case")),
    Field("opened", "Case opened", EPISODE, MOMENT, (
        "opened_at", "open_date", "case_opened", "start_of_care", "soc", "soc_date", "admission_date", "admit_date",
        "episode_start", "case_open_date", "case_created_date", "referral_start",
    )),
    Field("discharged", "Discharged", EPISODE, MOMENT, (
        "discharged_at", "discharge_date", "discharge", "dc_date", "d_c_date", "date_of_discharge", "episode_end",
    )),
    Field("case_closed", "Case closed", EPISODE, MOMENT, ("case_closed_date", "closed_date", "close_date")),
    Field("discharge_reason", "Reason for discharge", EPISODE, CODE, (
        "reason_for_discharge", "dc_reason", "discharge_disposition", "close_reason",
    )),
    Field("diagnosis", "Diagnoses (ICD-10)", EPISODE, TEXT, (
        "diagnosis_code", "diagnosis_codes", "icd10", "icd_10", "icd", "icd_code", "icd10_code", "icd_10_code", "dx",
        "dx_code", "primary_diagnosis", "primary_dx", "diagnoses",
    )),
    Field("surgery_date", "Date of surgery", EPISODE, DATE, ("date_of_surgery", "surgery")),
    Field("payer", "Insurance", EPISODE, CODE, (
        "insurance", "insurance_type", "payer_type", "payer_kind", "primary_insurance", "insurance_type_id",
        "financial_class", "payor", "payor_type",
    )),
    Field("planned_visits", "Planned visits", EPISODE, WHOLE, ("visits_planned", "plan_visits", "expected_visits")),
    Field("planned_per_week", "Visits a week", EPISODE, WHOLE, ("visits_per_week", "frequency", "per_week")),
    Field("authorised_visits", "Authorized visits", EPISODE, WHOLE, (
        "authorized_visits", "visits_authorized", "auth_visits", "visit_authorized_for",
    )),
    Field("authorised_to", "Authorized until", EPISODE, DATE, (
        "authorized_to", "authorization_end", "auth_end_date", "authorized_until", "auth_end",
    )),
    Field("referral_source", "How they came", EPISODE, CODE, (
        "referral_type", "referred_by", "how_heard", "how_did_you_hear",
    )),
    Field("referrer_name", "Referrer", EPISODE, TEXT, (
        "referring_provider", "referring_physician", "referring_doctor", "referral_name", "physician",
    )),
    Field("referrer_npi", "Referrer's NPI", EPISODE, ID, ("referring_npi", "referring_provider_npi", "physician_npi")),
    Field("visit_id", "Visit or appointment number", VISIT, ID, (
        "appointment_id", "appointmnet_id", "appointment_number", "appt_id", "visit_number", "visit_no", "encounter_id",
    )),
    Field("visit_start", "Visit begins", VISIT, MOMENT, (
        "visit_date", "appointment_date", "appt_date", "appointment", "date_of_service", "dos", "service_date",
        "start", "start_date", "starts_at", "visit_starts", "appointment_start", "start_date_time", "start_at",
        "appointment_datetime", "date",
    )),
    Field("visit_time", "Time the visit begins", VISIT, CLOCK, (
        "start_time", "appointment_time", "appt_time", "time", "visit_start_time",
    )),
    Field("visit_end", "Visit ends", VISIT, MOMENT, ("end", "end_date", "ends_at", "end_at", "appointment_end")),
    Field("duration", "Length in minutes", VISIT, WHOLE, ("minutes", "length", "duration_minutes", "duration_min")),
    Field("visit_status", "Visit status", VISIT, CODE, (
        "status", "appointment_status", "appt_status", "visit_state", "encounter_status",
    )),
    Field("visit_kind", "Kind of visit", VISIT, CODE, (
        "visit_type", "appointment_type", "appt_type", "type", "kind", "service", "treatment", "note_type",
    )),
    Field("cpt", "CPT codes", VISIT, TEXT, ("cpt_code", "cpt_codes", "procedure_code", "procedure_codes")),
    Field("cancel_reason", "Reason of a cancellation", VISIT, CODE, (
        "cancellation_reason", "cancel_reason", "reason", "cancelled_by", "canceled_by",
    )),
    Field("cancelled_at", "Cancelled at", VISIT, MOMENT, ("canceled_at", "cancel_date", "cancellation_date")),
    Field("booked_at", "Booked at", VISIT, MOMENT, ("booked_on", "date_booked", "appointment_created")),
    Field("checked_in", "Checked in at", VISIT, MOMENT, ("check_in_time", "check_in", "arrived_at", "checkin_time")),
    Field("note_finalised", "Note finished at", VISIT, MOMENT, (
        "note_finalized_date", "finalized_date", "note_finalized", "date_finalized",
    )),
    Field("therapist", "Therapist", ROW, TEXT, (
        "provider", "provider_name", "therapist_name", "clinician", "practitioner", "staff_member",
        "treating_therapist", "rendering_provider", "staff_member_name",
    )),
    Field("therapist_id", "Therapist's number", ROW, ID, ("provider_id", "clinician_id", "staff_id")),
    Field("therapist_npi", "Therapist's NPI", ROW, ID, ("npi", "provider_npi")),
    Field("clinic", "Clinic", ROW, TEXT, (
        "clinic_name", "location", "location_name", "facility", "facility_name", "site", "office", "branch",
    )),
    Field("clinic_id", "Clinic's number", ROW, ID, ("location_id", "facility_id", "site_id", "office_id")),
    Field("updated_at", "Row changed at", ROW, MOMENT, (
        "last_updated", "modified", "modified_date", "last_modified", "modified_at", "update_date", "updated",
        "time_stamp", "timestamp", "changed_at", "last_modified_date",
    )),
    Field("deleted", "Row is removed", ROW, CODE, ("export_flag", "is_deleted", "removed", "void")),
)  # fmt: skip
FIELDS: Mapping[str, Field] = {one.name: one for one in _ALL}

# What the facts of a patient are made of: a row with one of these tells of the person, not only of his visit.
OF_PATIENT = frozenset(
    {name for name, one in FIELDS.items() if one.group == PATIENT} - {"patient_id"}
)  # fmt: skip
OF_EPISODE = frozenset(name for name, one in FIELDS.items() if one.group == EPISODE)
OF_VISIT = frozenset(name for name, one in FIELDS.items() if one.group == VISIT)


def suggest(column: str) -> str:
    """The field that a column's normal name stands for by our names and synonyms; empty where nobody knows it."""
    if column in FIELDS:
        return column
    return _BY_SYNONYM.get(column, "")


_BY_SYNONYM: Mapping[str, str] = {word: one.name for one in reversed(_ALL) for word in one.synonyms}
