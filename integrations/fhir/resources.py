"""What FHIR resources state about care: episodes, visits, requests, coverage (integrations.md §3). Pure.

An absent element of a full resource is a deletion.
"""

import re
from collections.abc import Callable
from typing import Any

from integrations import codes
from integrations.facts import (
    CLINIC,
    CONDITION,
    COVERAGE,
    EPISODE,
    REQUEST,
    THERAPIST,
    VISIT,
    Refusal,
    dead,
    entity_key,
)
from integrations.fhir import people
from integrations.fhir.document import codings, contained, key_of, objects, text
from integrations.fhir.parse import Reading

INPATIENT = {"IMP", "ACUTE", "NONAC", "EMER"}
EPISODE_STATUS = {"planned": "planned", "waitlist": "planned", "active": "active", "onhold": "active",
                  "finished": "closed", "cancelled": "closed"}  # fmt: skip
_ICD10 = re.compile(r"[A-TV-Z]\d[0-9AB](?:\.?[0-9A-Z]{1,4})?")


def _status(reading: Reading, table: dict[str, Any] | Any, what: str) -> str:
    told = text(reading.resource, "status")
    if told not in table and told != "entered-in-error":
        raise dead("code_unknown", f"{what}.status is “{told[:20]}”; expected one of {', '.join(table)}.",
                   reading.where("status"))  # fmt: skip
    return told


def _subject(reading: Reading, *elements: str) -> str:
    for element in elements:
        reference = reading.resource.get(element)
        if found := reading.references.key(reference, "Patient"):
            reading.parsed.needs_patient = found
            return found
        inner = contained(reading.resource, reference)
        if inner is not None and text(inner, "resourceType") == "Patient":
            return _contained_patient(reading, inner)
    where = reading.where(elements[0])
    raise dead("patient_missing", f"{where} names no patient; expected a reference such as Patient/123.", where)


def _contained_patient(reading: Reading, inner: dict[str, Any]) -> str:
    key = entity_key(reading.key, key_of(inner))
    own = Reading(inner, reading.references, reading.context, reading.parsed, key, reading.at, reading.digest)
    people.patient(own)
    return key


def _episode(reading: Reading) -> None:
    status = _status(reading, EPISODE_STATUS, "EpisodeOfCare")
    patient = _subject(reading, "patient", "subject")
    if status == "entered-in-error":
        reading.state(EPISODE, reading.key, {"patient": patient, "deleted": True}, 9)
        return
    opened, ended = reading.moment("period", "start"), reading.moment("period", "end")
    if opened and ended and ended.at < opened.at:
        reading.parsed.flag("end_before_start")
        ended = None
    ours = EPISODE_STATUS[status]
    discharge = None
    if ours == "closed":
        at = ended.json() if ended else {"at": reading.at.isoformat()}
        discharge = {**at, "reason": "administrative" if status == "cancelled" else _reason(reading)}
    ranked = sorted(objects(reading.resource, "diagnosis"), key=lambda one: one.get("rank") or 99)
    conditions = [
        found for one in ranked for reference in objects(one, "condition")
        if (found := reading.references.key(reference, "Condition"))
    ]  # fmt: skip
    values = {
        "patient": patient, "deleted": False, "status": "active" if ours == "closed" else ours, "discharge": discharge,
        "opened": opened.at.isoformat() if opened and ours != "planned" else None,
        "therapist": _therapist(reading, "careManager"), "conditions": conditions,
    }  # fmt: skip
    reading.state(EPISODE, reading.key, values)
    reading.parsed.closing = (EPISODE, reading.key)


def _reason(reading: Reading) -> str:
    """A discharge reason where an extension or status reason of the feed's own code map says one."""
    own = reading.context.codes.get("discharge_reason", {})
    for one in objects(reading.resource, "extension"):
        for _system, code in codings(one, "valueCodeableConcept") + codings(one, "valueCoding"):
            if found := codes.discharge_reason(code, own):
                return found
    return ""


def _therapist(reading: Reading, element: str) -> str | None:
    for reference in objects(reading.resource, element):
        if found := reading.references.key(reference, "Practitioner", "PractitionerRole"):
            _name_from_display(reading, THERAPIST, found, text(reference, "display"))
            return found
    return None


def _name_from_display(reading: Reading, entity: str, key: str, display: str) -> None:
    """A reference's display names a thing whose own resource has not come; the resource's name is newer than any."""
    if display and entity == CLINIC:
        reading.state(entity, key, {"display": {"name": display[:120]}})
    elif display:
        first, _space, last = display.rpartition(" ")
        reading.state(entity, key, {"display": {"first": first[:80], "last": last[:80]}})


def _encounter(reading: Reading) -> None:
    status = _status(reading, codes.ENCOUNTER_STATUS, "Encounter")
    told = [code.upper() for _system, code in codings(reading.resource, "class")]
    if any(one in INPATIENT for one in told) and not set(told) & set(reading.context.settings.get("visit_classes", [])):
        raise Refusal("ignored", "inpatient_class", f"Encounter.class is {told[0]}: no outpatient visit.")
    patient = _subject(reading, "subject", "patient")
    if status == "entered-in-error":
        reading.state(VISIT, reading.key, {"patient": patient, "deleted": True}, 9)
        return
    ours = codes.ENCOUNTER_STATUS[status]
    if ours is None:
        raise Refusal("ignored", "not_a_visit", f"Encounter.status is {status}: nothing is known to have happened.")
    element = "period" if "period" in reading.resource else "actualPeriod"
    starts, ends = reading.moment(element, "start"), reading.moment(element, "end")
    if starts is None and ours == codes.COMPLETED:
        raise dead("start_missing", f"{reading.path}.period.start is missing; expected when the visit began.",
                   reading.where("period.start"))  # fmt: skip
    if starts and ends and ends.at < starts.at:
        reading.parsed.flag("end_before_start")
        ends = None
    times = {**starts.json(), **({"end": ends.at.isoformat()} if ends else {})} if starts else None
    locations = [
        (found, text(one, "location", "display")) for one in objects(reading.resource, "location")
        if (found := reading.references.key(one.get("location"), "Location"))
    ]  # fmt: skip
    for key, display in locations[:1]:
        _name_from_display(reading, CLINIC, key, display)
    planned = ours == codes.BOOKED
    values = {
        "patient": patient, "deleted": False, "clinical": None if planned else ours, "clinical_times": times,
        "episode": reading.reference("episodeOfCare", "EpisodeOfCare") or None,
        "request": reading.reference("basedOn", "ServiceRequest", "CarePlan") or None,
        "appointment": reading.reference("appointment", "Appointment") or None,
        "therapist": _participant(reading, "individual", "actor"), "clinic": locations[0][0] if locations else None,
        "kind": _kind(reading, "type", "serviceType"), "conditions": _conditions(reading),
        "diagnosis": icd(codings(reading.resource, "reasonCode")),
    }  # fmt: skip
    if planned:
        values["schedule_status"] = ours
    reading.state(VISIT, reading.key, values, codes.STATUS_RANK[ours])


def _conditions(reading: Reading) -> list[str]:
    told = [one for entry in objects(reading.resource, "diagnosis") for one in objects(entry, "condition")]
    told += objects(reading.resource, "reasonReference")
    return [found for one in told if (found := reading.references.key(one, "Condition"))]


def _participant(reading: Reading, *elements: str) -> str | None:
    for participant in objects(reading.resource, "participant"):
        for element in elements:
            reference = participant.get(element)
            if found := reading.references.key(reference, "Practitioner", "PractitionerRole"):
                _name_from_display(reading, THERAPIST, found, text(reference, "display"))
                return found
    return None


def _kind(reading: Reading, *elements: str) -> str | None:
    told = [code for element in elements for _system, code in codings(reading.resource, element)]
    own = reading.context.codes.get("visit_type", {})
    return next((own[code] for code in told if code in own), None) or codes.visit_kind(told)


def _appointment(reading: Reading) -> None:
    status = _status(reading, codes.APPOINTMENT_STATUS, "Appointment")
    people = [
        found for one in objects(reading.resource, "participant")
        if (found := reading.references.key(one.get("actor"), "Patient"))
    ]  # fmt: skip
    people += [found for one in objects(reading.resource, "subject")
               if (found := reading.references.key(one, "Patient")) and found not in people]  # fmt: skip
    if not people:
        raise Refusal("ignored", "not_a_visit", "The appointment has no patient among its participants.")
    ours = codes.APPOINTMENT_STATUS.get(status)
    if ours is None and status != "entered-in-error":
        raise Refusal("ignored", "not_a_visit", f"Appointment.status is {status}: no appointment yet.")
    starts, ends = reading.moment("start"), reading.moment("end")
    if starts is None and ours not in {codes.CANCELLED, codes.NO_SHOW, None}:
        raise dead("start_missing", f"{reading.path}.start is missing; expected when the appointment is.",
                   reading.where("start"))  # fmt: skip
    if starts and ends and ends.at < starts.at:
        reading.parsed.flag("end_before_start")
        ends = None
    reading.parsed.needs_patient = people[0]
    for patient in dict.fromkeys(people):
        key = reading.key if len(set(people)) == 1 else entity_key(reading.key, patient)
        if status == "entered-in-error":
            reading.state(VISIT, key, {"patient": patient, "deleted": True}, 9)
            continue
        reading.state(VISIT, key, _appointment_values(reading, patient, ours or "", starts, ends),
                      codes.STATUS_RANK[ours or codes.BOOKED])  # fmt: skip


def _appointment_values(reading: Reading, patient: str, status: str, starts: Any, ends: Any) -> dict[str, Any]:
    places = [
        (found, text(one, "actor", "display")) for one in objects(reading.resource, "participant")
        if (found := reading.references.key(one.get("actor"), "Location"))
    ]  # fmt: skip
    for key, display in places[:1]:
        _name_from_display(reading, CLINIC, key, display)
    created = reading.moment("created")
    values: dict[str, Any] = {
        "patient": patient, "deleted": False, "schedule_status": status,
        "request": reading.reference("basedOn", "ServiceRequest", "CarePlan") or None,
        "therapist": _participant(reading, "actor"), "clinic": places[0][0] if places else None,
        "kind": _kind(reading, "serviceType", "appointmentType"),
        "diagnosis": icd(codings(reading.resource, "reasonCode")), "conditions": _conditions(reading),
    }  # fmt: skip
    if starts:
        values["schedule"] = {**starts.json(), **({"end": ends.at.isoformat()} if ends else {})}
    if created:
        values["booked_at"] = created.at.isoformat()
    if status == codes.CANCELLED:
        told = [
            code for name in ("cancelationReason", "cancellationReason") for _s, code in codings(reading.resource, name)
        ]
        by = "clinic" if any(code.startswith(("prov", "maint")) for code in told) else "unknown"
        values["cancelled_by"] = "patient" if any(code.startswith("pat") for code in told) else by
    return values


def icd(told: list[tuple[str, str]]) -> list[list[str]]:
    """`[code, I10 or I9]` of the ICD codings, dots set, each once."""
    found: list[list[str]] = []
    for system, code in told:
        low = system.lower()
        plain = code.upper().replace(".", "")
        if "icd-9" in low or low.endswith("2.16.840.1.113883.6.103"):
            one = [code.upper()[:10], "I9"]
        elif ("icd-10" in low or low.endswith(("2.16.840.1.113883.6.90", "6.3"))) and _ICD10.fullmatch(code.upper()):
            one = [f"{plain[:3]}.{plain[3:]}" if len(plain) > 3 else plain, "I10"]
        else:
            continue
        if one not in found:
            found.append(one)
    return found


def _condition(reading: Reading) -> None:
    patient = _subject(reading, "subject", "patient")
    verified = {code for _system, code in codings(reading.resource, "verificationStatus")}
    void = (
        bool(verified & {"entered-in-error", "refuted"})
        or text(reading.resource, "verificationStatus") == "entered-in-error"
    )
    reading.state(CONDITION, reading.key, {
        "patient": patient, "diagnosis": icd(codings(reading.resource, "code")), "deleted": void,
    })  # fmt: skip


def _is_therapy(reading: Reading, told: list[tuple[str, str]]) -> bool:
    known = codes.THERAPY | set(reading.context.settings.get("therapy_codes", []))
    return any(code in known for _system, code in told)


def _request(reading: Reading) -> None:
    told = codings(reading.resource, "code") + codings(reading.resource, "code", "concept")
    if not _is_therapy(reading, told):
        raise Refusal("ignored", "not_therapy", "The ServiceRequest is for no therapy that we know by its code.")
    patient = _subject(reading, "subject")
    dead_or_void = text(reading.resource, "status") == "entered-in-error"
    requester = next(objects(reading.resource, "requester"), None)
    quantity = next((one.get("value") for one in objects(reading.resource, "quantityQuantity")), None)
    values: dict[str, Any] = {
        "patient": patient, "deleted": dead_or_void, "therapy": True, "conditions": _conditions(reading),
        "diagnosis": icd(codings(reading.resource, "reasonCode")),
        "referral": None, "plan": None,
    }  # fmt: skip
    if requester:
        values["referral"] = {"source": "physician", "name": text(requester, "display")[:160], "npi": ""}
    if isinstance(quantity, (int, float)) and 0 < quantity < 500:
        values["plan"] = {"planned_visits": int(quantity)}
    reading.state(REQUEST, reading.key, values)


def _care_plan(reading: Reading) -> None:
    told = codings(reading.resource, "category") + codings(reading.resource, "activity", "detail", "code")
    if not _is_therapy(reading, told):
        raise Refusal("ignored", "not_therapy", "The CarePlan is for no therapy that we know by its code.")
    patient = _subject(reading, "subject")
    starts, ends = reading.moment("period", "start"), reading.moment("period", "end")
    conditions = [found for one in objects(reading.resource, "addresses")
                  if (found := reading.references.key(one, "Condition"))]  # fmt: skip
    reading.state(REQUEST, reading.key, {
        "patient": patient, "deleted": text(reading.resource, "status") == "entered-in-error", "therapy": True,
        "conditions": conditions,
        "period": {"from": starts.at.isoformat() if starts else None, "to": ends.at.isoformat() if ends else None},
    })  # fmt: skip


def _coverage(reading: Reading) -> None:
    patient = _subject(reading, "beneficiary")
    told = [code for _system, code in codings(reading.resource, "type")]
    own = reading.context.codes.get("payer", {})
    kind = next((own[code] for code in told if code in own), None) or codes.payer(
        *told, text(reading.resource, "type", "text")
    )
    if told and kind is None:
        reading.parsed.flag("payer_unknown")
    reading.state(COVERAGE, reading.key, {
        "patient": patient, "payer": kind,
        "deleted": text(reading.resource, "status") in {"cancelled", "entered-in-error"},
    })  # fmt: skip


READERS: dict[str, Callable[[Reading], None]] = {
    "Patient": people.patient, "EpisodeOfCare": _episode, "Encounter": _encounter, "Appointment": _appointment,
    "Condition": _condition, "ServiceRequest": _request, "CarePlan": _care_plan, "Coverage": _coverage,
    "Practitioner": people.practitioner, "PractitionerRole": people.practitioner_role, "Location": people.location,
}  # fmt: skip
