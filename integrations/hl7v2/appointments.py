"""HL7 v2 scheduling messages (SIU): a booking, its changes and its end (integrations.md §3). Pure."""

from typing import Any

from integrations import codes
from integrations.facts import VISIT, Refusal, dead, entity_key
from integrations.hl7v2 import fields
from integrations.hl7v2.message import Segment
from integrations.hl7v2.parse import (
    Reading,
    care,
    duration,
    episode_key,
    is_outpatient,
    pid_segments,
    state_care,
    state_clinic,
    state_patient,
    state_therapist,
)

CANCELLED_BY = {"PAT": "patient", "PATIENT": "patient", "PROV": "clinic", "PROVIDER": "clinic", "MAINT": "clinic",
                "CLINIC": "clinic"}  # fmt: skip


def appointment(reading: Reading) -> None:
    """SIU: one visit per PID (a group has several)."""
    if reading.event in {"S23", "S24"}:
        raise Refusal("ignored", "not_a_visit", f"{reading.parsed.kind} is about free slots.", "MSH-9")
    status = _appointment_status(reading)
    people = pid_segments(reading, several=True)
    sch = reading.message.first("SCH")
    number = (sch.part(2) or sch.part(1)) if sch else ""
    if sch is None or not number:
        patients = [state_patient(reading, pid) for pid in people]
        raise dead("visit_key_missing", f"SCH-1 and SCH-2 are empty ({len(patients)} patients).", "SCH-2")
    values = _schedule(reading, sch, status)
    pv1 = reading.message.first("PV1")
    around = care(reading, pv1) if is_outpatient(reading, pv1) else {}
    values = {**around, **values}
    if reading.event == "S12":
        values["booked_at"] = reading.at.isoformat()
    episode = episode_key(reading, pv1)
    if episode:
        values["episode"] = episode
    if reading.event == "S17":
        values["deleted"] = True
    for pid in people:
        patient = state_patient(reading, pid)
        parts = ("a", number, sch.part(3)) if len(people) == 1 else ("a", number, sch.part(3), patient)
        rank = 9 if reading.event == "S17" else codes.STATUS_RANK.get(status or "", 0)
        reading.state(VISIT, entity_key(*parts), {"patient": patient, "deleted": False, **values}, rank)
        if episode:
            kept = {unit: values[unit] for unit in (*around, "therapist", "clinic") if unit in values}
            state_care(reading, patient, episode, kept)


def _appointment_status(reading: Reading) -> str | None:
    """The status that the event or a status code states; None where this one states none."""
    by_event = {"S15": codes.CANCELLED, "S16": codes.CANCELLED, "S17": codes.CANCELLED, "S26": codes.NO_SHOW}
    if reading.event in by_event:
        return by_event[reading.event]
    own = reading.context.codes.get("visit_status", {})
    for place in ("SCH-25", "AIS-10", "AIL-12", "AIP-12"):
        told = reading.pick(place)
        if not told:
            continue
        word = own.get(told) or told.upper().replace("-", "").replace(" ", "").replace("_", "")
        if word.lower() in codes.STATUS_RANK:
            return word.lower()
        if word in codes.HL7_STATUS:
            status = codes.HL7_STATUS[word]
            if status is None:
                raise Refusal("ignored", "not_a_visit", f"{place} is “{told[:20]}”: no appointment.", place)
            return status
        reading.parsed.flag("status_unknown")
    return codes.BOOKED if reading.event in {"S12", "S13", "S14", "S18", "S19"} else None


def _schedule(reading: Reading, sch: Segment, status: str | None) -> dict[str, Any]:
    message = reading.message
    values: dict[str, Any] = {}
    clinic = next((key for one in message.all("AIL") if (key := state_clinic(reading, one[3]))), "")
    if clinic:
        values["clinic"] = clinic
    if therapist := next((key for one in message.all("AIP") if (key := state_therapist(reading, one[3]))), ""):
        values["therapist"] = therapist
    starts = _start(reading, sch, clinic)
    if starts is not None:
        length = duration(sch.part(9), sch.part(10)) or duration(reading.pick("AIS-7"), reading.pick("AIS-8"))
        end = {"end": (starts.at + length).isoformat()} if length and not starts.day_only else {}
        values["schedule"] = {**starts.json(), **end}
    elif reading.event in {"S12", "S13"}:
        raise dead("start_missing", "AIS-4, SCH-11.4 and TQ1-7 hold no time; expected when the visit is.", "AIS-4")
    if status:
        values["schedule_status"] = status
    if status == codes.CANCELLED:
        told = sch.part(6, 1)
        own = reading.context.codes.get("cancelled_by", {})
        values["cancelled_by"] = own.get(told) or CANCELLED_BY.get(told.upper(), "unknown")
    types = [sch.part(8), sch.part(7), *(one.part(3) for one in message.all("AIS"))]
    own = reading.context.codes.get("visit_type", {})
    if kind := next((own[one] for one in types if one in own), None) or codes.visit_kind(types):
        values["kind"] = kind
    return values


def _start(reading: Reading, sch: Segment, clinic: str) -> fields.Moment | None:
    services = [found for one in reading.message.all("AIS") if (found := reading.moment(one.part(4), clinic))]
    if services:
        return min(services, key=lambda one: one.at)
    timings = (sch.part(11, 4), *(one.part(7) for one in reading.message.all("TQ1")))
    return next((found for text in timings if (found := reading.moment(text, clinic))), None)
