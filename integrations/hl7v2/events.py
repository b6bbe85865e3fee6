"""What each HL7 v2 event states (integrations.md §3, §4, §5). Pure."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from integrations import codes
from integrations.facts import CLOSING, EPISODE, VISIT, Refusal, dead, entity_key
from integrations.hl7v2 import fields
from integrations.hl7v2.appointments import appointment
from integrations.hl7v2.merges import link_for_review, merge, move, move_visit, unlink
from integrations.hl7v2.message import Segment
from integrations.hl7v2.parse import (
    Reading,
    care,
    episode_key,
    is_outpatient,
    pid_segments,
    state_care,
    state_patient,
    state_therapist,
)


def dispatch(reading: Reading) -> None:
    """Read the message by its event. Refusal for one that we do not use, or that cannot be used."""
    kind = reading.parsed.kind.partition("^")[0]
    used: dict[str, dict[str, Callable[[Reading], None]]] = {
        "ADT": _ADT, "SIU": _SIU, "DFT": {"P03": _charge}, "REF": {"I12": _referral},
    }  # fmt: skip
    handler = used.get(kind, {}).get(reading.event)
    if handler is None:
        raise Refusal("ignored", "event_not_used", f"{reading.parsed.kind} is not used.", "MSH-9")
    handler(reading)


def _visit_key(pv1: Segment | None, patient: str, starts: datetime | None) -> str:
    number = pv1.part(19) if pv1 else ""
    if number and pv1 is not None and pv1.part(2).upper() == "R":
        return entity_key("e", number, starts.date().isoformat()) if starts else ""
    if number:
        return entity_key("e", number)
    return entity_key("e", patient, starts.isoformat()) if starts else ""


def _person_only(reading: Reading) -> None:
    """Registration and updates: the person, and the care that the message describes; no visit."""
    pid = pid_segments(reading)[0]
    pv1 = reading.message.first("PV1")
    patient = state_patient(reading, pid)
    if pv1 is None or is_outpatient(reading, pv1):
        episode = episode_key(reading, pv1)
        values = care(reading, pv1)
        number = _visit_key(pv1, patient, None) if pv1 is not None and pv1.part(2).upper() != "R" else ""
        if number and not episode:
            reading.state(VISIT, number, {"patient": patient, **values})
        else:
            state_care(reading, patient, episode, values)


def _state_visit(reading: Reading, key: str, values: dict[str, Any], status: str) -> None:
    reading.state(VISIT, key, {**values, "deleted": False}, codes.STATUS_RANK.get(status, 0))


def _arrival(reading: Reading) -> None:
    """A01, A04: a visit has begun; without PV1-19 and PV1-44 the person only."""
    pid = pid_segments(reading)[0]
    pv1 = reading.message.first("PV1")
    patient = state_patient(reading, pid)
    if pv1 is None or not is_outpatient(reading, pv1):
        reading.parsed.flag("inpatient_class" if pv1 is not None else "no_pv1")
        return
    episode, values = episode_key(reading, pv1), care(reading, pv1)
    starts = reading.moment(pv1.part(44), values.get("clinic", ""))
    is_visit = bool(pv1.part(19) or starts) and pv1.part(2).upper() != "R"
    if not is_visit:
        state_care(reading, patient, episode, values)
        return
    begun = starts or fields.Moment(reading.at)
    link = {"episode": episode} if episode else {}
    _state_visit(
        reading, _visit_key(pv1, patient, begun.at),
        {"patient": patient, "clinical": codes.ARRIVED, "clinical_times": begun.json(), **values, **link},
        codes.ARRIVED,
    )  # fmt: skip
    if episode:
        state_care(reading, patient, episode, values)


def _pending(reading: Reading) -> None:
    """A05, A14: a visit is expected."""
    pid = pid_segments(reading)[0]
    pv1, pv2 = reading.message.first("PV1"), reading.message.first("PV2")
    patient = state_patient(reading, pid)
    if pv1 is None or not is_outpatient(reading, pv1):
        return
    values = care(reading, pv1)
    expected = reading.moment((pv2.part(8) if pv2 else "") or pv1.part(44), values.get("clinic", ""))
    key = _visit_key(pv1, patient, expected.at if expected else None)
    if key:
        times = {"schedule": expected.json()} if expected else {}
        _state_visit(
            reading, key, {"patient": patient, "schedule_status": codes.BOOKED, **times, **values}, codes.BOOKED
        )
    else:
        state_care(reading, patient, "", values)


def _cancel_visit(reading: Reading, unit: str) -> None:
    pid = pid_segments(reading)[0]
    pv1 = reading.message.first("PV1")
    patient = state_patient(reading, pid)
    if pv1 is None or not is_outpatient(reading, pv1):
        return
    if not pv1.part(19):
        raise dead(
            "visit_key_missing", "PV1-19 is empty; expected the number of the visit that is cancelled.", "PV1-19"
        )
    key = _visit_key(pv1, patient, _moment_at(reading, pv1.part(44)))
    if key:
        _state_visit(reading, key, {"patient": patient, unit: codes.CANCELLED}, codes.CANCELLED)


def _moment_at(reading: Reading, text: str) -> datetime | None:
    found = reading.moment(text)
    return found.at if found else None


def _delete_visit(reading: Reading) -> None:
    pid = pid_segments(reading)[0]
    pv1 = reading.message.first("PV1")
    patient = state_patient(reading, pid)
    key = _visit_key(pv1, patient, _moment_at(reading, pv1.part(44) if pv1 else ""))
    if not key:
        raise dead("visit_key_missing", "PV1-19 is empty; expected the number of the visit to delete.", "PV1-19")
    reading.state(VISIT, key, {"patient": patient, "deleted": True}, 9)


def _delete_person(reading: Reading) -> None:
    pid = pid_segments(reading)[0]
    state_patient(reading, pid, extra={"deleted": True})


def _discharge_time(reading: Reading, pv1: Segment | None, clinic: str) -> fields.Moment:
    """PV1-45, else EVN-6, else EVN-2, else the message's own; later than the message by a day is no discharge yet."""
    evn = reading.message.first("EVN")
    told = [pv1.part(45) if pv1 else "", evn.part(6) if evn else "", evn.part(2) if evn else ""]
    for text in told:
        found = reading.moment(text, clinic) if text else None
        if found is not None and _has_happened(reading, found):
            return found
        if text:
            reading.parsed.flag("discharge_time_unreadable")
    return fields.Moment(reading.at)


def _has_happened(reading: Reading, at: fields.Moment) -> bool:
    return at.at <= max(reading.at, reading.context.received_at) + timedelta(days=1)


def _leave(reading: Reading, *, cancelled: bool) -> None:
    """A03 and its cancellation A13: an episode, one visit, or nothing, as the feed says and PV1-2 requires."""
    pid = pid_segments(reading)[0]
    pv1 = reading.message.first("PV1")
    patient = state_patient(reading, pid)
    if not is_outpatient(reading, pv1):
        reading.parsed.flag("inpatient_class")
        return
    values = care(reading, pv1)
    means = reading.setting("a03_means", "episode")
    if pv1 is not None and pv1.part(2).upper() == "R":
        means = "episode"
    if means == "ignore":
        reading.parsed.flag("a03_not_used")
        state_care(reading, patient, "", values)
    elif means == "visit":
        _check_out(reading, pv1, patient, values, cancelled=cancelled)
    else:
        _close_episode(reading, pv1, patient, values, cancelled=cancelled)


def _check_out(reading: Reading, pv1: Segment | None, patient: str, values: dict[str, Any], *, cancelled: bool) -> None:
    clinic = values.get("clinic", "")
    starts = reading.moment(pv1.part(44), clinic) if pv1 else None
    ends = _discharge_time(reading, pv1, clinic)
    key = _visit_key(pv1, patient, starts.at if starts else None)
    if not key:
        raise dead("start_missing", "PV1-19 and PV1-44 are empty; expected the visit's number or start.", "PV1-44")
    status = codes.ARRIVED if cancelled else codes.COMPLETED
    begun = {} if starts is None else {"clinical_times": {**starts.json(), "end": ends.at.isoformat()}}
    if starts is None:
        begun = {"clinical_times": ends.json()}
    episode = episode_key(reading, pv1)
    link = {"episode": episode} if episode else {}
    _state_visit(reading, key, {"patient": patient, "clinical": status, **begun, **values, **link}, status)


def _close_episode(
    reading: Reading, pv1: Segment | None, patient: str, values: dict[str, Any], *, cancelled: bool
) -> None:
    discharge: dict[str, Any] | None = None
    if not cancelled:
        at = _discharge_time(reading, pv1, values.get("clinic", ""))
        code = pv1.part(36) if pv1 else ""
        reason = codes.discharge_reason(code, reading.context.codes.get("discharge_reason", {}))
        discharge = {**at.json(), "reason": reason}
    episode = episode_key(reading, pv1)
    rank = 1 if cancelled else 0
    if episode:
        reading.state(EPISODE, episode, {"patient": patient, "deleted": False, **values, "discharge": discharge}, rank)
        reading.parsed.closing = (EPISODE, episode)
        return
    if pv1 is None:
        reading.parsed.flag("no_pv1")
    number = pv1.part(19) if pv1 else ""
    key = entity_key("c", patient, number)
    admitted = reading.moment(pv1.part(44), values.get("clinic", "")) if pv1 else None
    extra = {"opened": admitted.at.isoformat()} if admitted and _has_happened(reading, admitted) else {}
    visit = {"visit": entity_key("e", number)} if number else {}
    reading.state(
        CLOSING, key, {"patient": patient, "discharge": discharge, **visit, **extra, "period": pv1 is not None,
         **values}, rank,
    )  # fmt: skip
    reading.parsed.closing = (CLOSING, key)


def _charge(reading: Reading) -> None:
    """DFT^P03: a charge proves the visit."""
    pid = pid_segments(reading)[0]
    pv1 = reading.message.first("PV1")
    patient = state_patient(reading, pid)
    if not is_outpatient(reading, pv1):
        reading.parsed.flag("inpatient_class")
        return
    charges = [one for one in reading.message.all("FT1") if one.part(6).upper() not in {"CD", "CR", "PY", "AJ"}]
    if not charges:
        state_care(reading, patient, episode_key(reading, pv1), care(reading, pv1))
        return
    values = care(reading, pv1)
    if "therapist" not in values:
        performer = next((one[20] for one in charges if one[20]), "")
        if therapist := state_therapist(reading, performer.split(reading.message.repeat)[0]):
            values["therapist"] = therapist
    clinic = values.get("clinic", "")
    told = [found for one in charges if (found := reading.moment(one.part(4), clinic))]
    admitted = reading.moment(pv1.part(44), clinic) if pv1 else None
    starts = min(told, key=lambda one: one.at) if told else admitted
    if starts is not None and starts.day_only and admitted and admitted.at.date() == starts.at.date():
        starts = admitted
    if starts is None:
        raise dead("start_missing", "FT1-4 and PV1-44 hold no date; expected when the charged visit was.", "FT1-4")
    procedures = sorted({code for one in charges if (code := one.part(25)) and len(code) == 5})
    kind = codes.visit_kind(procedures)
    episode = episode_key(reading, pv1)
    extra: dict[str, Any] = {"episode": episode} if episode else {}
    if kind:
        extra["kind"] = kind
    _state_visit(
        reading, _visit_key(pv1, patient, starts.at),
        {"patient": patient, "evidence": codes.COMPLETED, "clinical_times": starts.json(), "cpt": procedures,
         **values, **extra}, codes.COMPLETED,
    )  # fmt: skip
    if episode:
        state_care(reading, patient, episode, values)


def _referral(reading: Reading) -> None:
    """REF^I12: who sent the patient."""
    pid = pid_segments(reading)[0]
    pv1 = reading.message.first("PV1")
    patient = state_patient(reading, pid)
    values = care(reading, pv1) if is_outpatient(reading, pv1) else {}
    for provider in reading.message.all("PRD"):
        if provider.part(1).upper() == "RP":
            name = f"{provider.part(2, 2)} {provider.part(2, 1)}".strip()[:160]
            values["referral"] = {"source": "physician", "name": name, "npi": ""}
            break
    state_care(reading, patient, episode_key(reading, pv1), values)


_ADT: dict[str, Callable[[Reading], None]] = {
    "A01": _arrival, "A04": _arrival, "A03": lambda reading: _leave(reading, cancelled=False),
    "A13": lambda reading: _leave(reading, cancelled=True), "A05": _pending, "A14": _pending,
    "A11": lambda reading: _cancel_visit(reading, "clinical"),
    "A38": lambda reading: _cancel_visit(reading, "schedule_status"), "A23": _delete_visit, "A29": _delete_person,
    "A35": move(EPISODE, "PID-18", 3, "ep"), "A41": move(EPISODE, "PID-18", 3, "ep"),
    "A49": move(EPISODE, "PID-18", 3, "ep"), "A50": move(VISIT, "PV1-19", 5, "e"), "A45": move_visit,
    "A37": unlink, "A24": link_for_review,
    **dict.fromkeys(("A18", "A34", "A36", "A40", "A46", "A47"), merge),
    **dict.fromkeys(("A02", "A06", "A07", "A08", "A10", "A12", "A28", "A31", "A48", "A51"), _person_only),
}  # fmt: skip
_SIU: dict[str, Callable[[Reading], None]] = {
    f"S{number}": appointment for number in (12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 26)
}
