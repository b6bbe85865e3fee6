"""One HL7 v2 message to facts: the header, the patient, the care around a visit. Pure: no database, no clock.

`events.py` says what each event means; field positions are those of integrations.md §3 and §4.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from integrations import codes, contact
from integrations.context import Context
from integrations.facts import (
    CLINIC,
    EPISODE,
    LINK,
    PATIENT,
    THERAPIST,
    Fact,
    Parsed,
    Refusal,
    dead,
    entity_key,
    order_key,
)
from integrations.hl7v2 import fields
from integrations.hl7v2.message import Message, Segment, canonical_bytes, read

PARSER_VERSION = 1
INPATIENT = {"I", "E", "P", "INPATIENT", "EMERGENCY", "PREADMIT"}
_ICD10 = re.compile(r"[A-TV-Z]\d[0-9AB](?:\.?[0-9A-Z]{1,4})?", re.I)
KNOWN_VERSION = re.compile(r"2\.[1-8](\.\d)?")


@dataclass
class Reading:
    """A message being read: its header's values and the facts so far."""

    message: Message
    context: Context
    parsed: Parsed
    digest: str
    event: str = ""
    at: datetime = field(default_factory=lambda: datetime.min.replace(tzinfo=UTC))  # source_ts, aware
    sequence: str = ""

    def setting(self, name: str, default: Any = "") -> Any:
        """A setting of the feed."""
        return self.context.settings.get(name, default)

    def order(self, rank: int = 0) -> str:
        """The order key of a statement of this message."""
        return order_key(
            self.at, rank=rank, sequence=self.sequence, control_id=self.parsed.control_id, digest=self.digest
        )

    def state(self, entity: str, key: str, values: dict[str, Any], rank: int = 0) -> None:
        """Add a fact."""
        self.parsed.facts.append(Fact(entity, key, self.order(rank), values))

    def moment(self, text: str, clinic: str = "") -> fields.Moment | None:
        """A moment in the clinic's zone; what was shifted by a change of clocks is flagged."""
        read_moment = fields.moment(text, self.context.zone_of(clinic))
        if read_moment is not None and read_moment.shifted:
            self.parsed.flag(read_moment.shifted)
        return read_moment

    def pick(self, place: str) -> str:
        """The text at a place such as `PID-18` or `ZPC-2.1`; empty where nothing is there."""
        if not place:
            return ""
        name, _dash, position = place.partition("-")
        number, _dot, component = position.partition(".")
        segment = self.message.first(name)
        return segment.part(int(number), int(component or 1)) if segment else ""


def parse(raw: bytes, context: Context) -> Parsed:
    """The facts of one message, or why there are none. Never raises for any bytes."""
    from integrations.hl7v2.events import dispatch  # noqa: PLC0415  (events reads through this module)

    parsed = Parsed()
    try:
        message = read(raw, context.settings.get("charset", "cp1252"))
        reading = Reading(message, context, parsed, hashlib.sha256(canonical_bytes(raw)).hexdigest()[:16])
        for flag in message.flags:
            parsed.flag(flag)
        _header(reading)
        dispatch(reading)
    except Refusal as refusal:
        parsed.facts.clear()
        parsed.outcome, parsed.code, parsed.reason, parsed.where = (
            refusal.outcome, refusal.code, refusal.reason, refusal.where,
        )  # fmt: skip
    return parsed


def _header(reading: Reading) -> None:
    message, parsed, context = reading.message, reading.parsed, reading.context
    msh = message.first("MSH")
    assert msh is not None  # noqa: S101  (read() refused a message without)
    kind, reading.event = msh.part(9, 1).upper(), msh.part(9, 2).upper()
    parsed.control_id = msh.part(10)[:60]
    reading.sequence = msh.part(13)
    _header_time(reading, msh)
    parsed.kind = f"{kind}^{reading.event}"[:20] if kind and reading.event else kind[:20]
    if not parsed.control_id:
        parsed.flag("control_id_missing")
    if not KNOWN_VERSION.fullmatch(msh.part(12) or "2.1"):
        parsed.flag("version_unknown")
    if kind == "ACK":
        raise Refusal("ignored", "acknowledgement", "An acknowledgement is not answered.")
    if not kind or not reading.event:
        shown = msh[9][:20]
        raise dead(
            "message_type_missing", f"MSH-9 is “{shown}”; expected a type and an event such as ADT^A03.", "MSH-9"
        )
    allowed = context.settings.get("processing_ids", ["P", ""])
    if msh.part(11) not in allowed:
        named = ", ".join(one or "empty" for one in allowed)
        raise Refusal(
            "rejected", "processing_id", f"MSH-11 is “{msh.part(11)[:3]}”; this feed takes {named}.", "MSH-11"
        )
    evn = message.first("EVN")
    if evn is not None and evn.part(1) and evn.part(1).upper() != reading.event:
        parsed.flag("evn_differs")


def _header_time(reading: Reading, msh: Segment) -> None:
    told = reading.moment(msh.part(7))
    evn = reading.message.first("EVN")
    if reading.setting("order_by") == "EVN-2" and evn is not None:
        told = reading.moment(evn.part(2)) or told
    reading.parsed.source_ts = told.at if told else None
    reading.at = reading.context.order_time(told.at if told else None, reading.parsed)


def pid_segments(reading: Reading, *, several: bool = False) -> list[Segment]:
    """The PID segments. Refusal without one, and for a second one where the event has none."""
    found = reading.message.all("PID")
    if not found:
        raise dead("patient_missing", "There is no PID segment; expected one that names the patient.", "PID")
    if len(found) > 1 and not several:
        reason = f"There are {len(found)} PID segments; {reading.parsed.kind} is about one patient."
        raise dead("second_patient", reason, "PID")
    pv1, pid = reading.message.text.find("\rPV1"), reading.message.text.find("\rPID")
    if 0 <= pv1 < pid:
        reading.parsed.flag("segment_order")
    return found


def patient_key(one: fields.PatientId) -> str:
    """The key of a patient id: authority and value."""
    return entity_key(one.authority, one.value)


def identify(reading: Reading, pid: Segment) -> list[fields.PatientId]:
    """The usable ids of a PID, the one that leads first. Refusal where there is none."""
    ids = fields.patient_ids(pid, 3)
    second = fields.patient_ids(pid, 2)
    if not ids and second and not pid[3]:
        reading.parsed.flag("pid2_used")
    elif not ids and (pid[3] or pid[2]):
        raise dead(
            "no_usable_identifier",
            "PID-3 holds no id that names a patient (a social security number is none).",
            "PID-3",
        )
    elif not ids:
        raise dead("no_usable_identifier", "PID-3 and PID-2 are empty; expected the patient's id.", "PID-3")
    known = {(one.authority, one.value) for one in ids}
    return ids + [one for one in second if (one.authority, one.value) not in known]


def state_patient(
    reading: Reading, pid: Segment, *, retired: Sequence[fields.PatientId] = (), extra: dict[str, Any] | None = None
) -> str:
    """The facts of a PID: values, and that its ids name one person. Returns the leading id's key.

    `retired`: ids that a merge of the same message retires; they are no ids of this person beside the others.
    """
    gone = {(one.authority, one.value) for one in retired}
    ids = [one for one in identify(reading, pid) if (one.authority, one.value) not in gone]
    if not ids:
        raise dead("merge_incomplete", "PID-3 holds only ids that MRG-1 retires; expected the surviving id.", "PID-3")
    key = patient_key(ids[0])
    reading.state(PATIENT, key, {**_person(reading, pid), "deleted": False, **(extra or {})} | _ids(ids))
    for other in ids[1:]:
        state_link(reading, patient_key(other), key, "alias")
    return key


def _ids(ids: Sequence[fields.PatientId]) -> dict[str, Any]:
    return {"identifiers": [[one.authority, one.value, one.type] for one in ids]}


def state_link(reading: Reading, retired: str, survivor: str, cause: str, *, linked: bool = True) -> None:
    """That two ids name one person (alias), or that one is merged into the other."""
    edge = {"from": retired, "to": survivor, "cause": cause} if linked else None
    reading.state(LINK, entity_key(retired, ">", survivor), {"linked": edge, "ends": [retired, survivor]})


def _person(reading: Reading, pid: Segment) -> dict[str, Any]:
    parsed, values = reading.parsed, dict[str, Any]()
    name = fields.name(pid, 5)
    if name:
        values["name"] = name
        if contact.is_test_name(name["first"], name["last"]):
            parsed.flag("test_name")
    elif not pid[5].strip('"'):
        parsed.flag("name_missing")
    if pid.deletes(7):
        values["birth_date"] = None
    elif pid[7]:
        born = fields.birth_date(pid.part(7), reading.context.received_at.date())
        if born:
            values["birth_date"] = born.isoformat()
        else:
            parsed.flag("birth_date_unreadable")
    if pid.deletes(8):
        values["sex"] = None
    elif pid.part(8):
        if sex := codes.SEX.get(pid.part(8).upper()):
            values["sex"] = sex
        else:
            parsed.flag("sex_unknown")
    address = fields.address(pid, 11)
    if address or pid.deletes(11):
        values["address"] = address
    if language := codes.language(pid.part(15, 1), pid.part(15, 2), pid.part(15, 5)):
        values["language"] = language
    return values | _telecoms(reading, pid) | _death(reading, pid)


def _telecoms(reading: Reading, pid: Segment) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if pid.deletes(13):
        values["phone"] = values["email"] = None
    phones, emails = fields.telecoms(pid, 13, 14)
    valid = [found for one in phones if (found := contact.phone(one["number"]))]
    if valid:
        values["phone"] = valid[0]
    elif phones:
        reading.parsed.flag("phone_unreadable")
    addresses = [found for one in emails if (found := contact.email(one))]
    if addresses:
        values["email"] = addresses[0]
    elif emails:
        reading.parsed.flag("email_unreadable")
    return values


def _death(reading: Reading, pid: Segment) -> dict[str, Any]:
    told, at = pid.part(30).upper(), reading.moment(pid.part(29))
    if pid.deletes(29) or told == "N":
        return {"deceased_at": None}
    if told == "Y" or (at is not None and not told):
        known = at is not None and at.at <= reading.context.received_at + timedelta(days=1)
        return {"deceased_at": (at.at if at is not None and known else reading.at).isoformat()}
    return {}


def is_outpatient(reading: Reading, pv1: Segment | None) -> bool:
    """True unless PV1-2 names an inpatient class that the feed does not count."""
    told = pv1.part(2).upper() if pv1 else ""
    return told not in INPATIENT or told in {one.upper() for one in reading.setting("visit_classes", [])}


def state_clinic(reading: Reading, text: str) -> str:
    """The clinic of a PL: states its name and returns its key; empty where there is none."""
    place = fields.location(reading.message, text) if text else None
    if place is None:
        return ""
    key = entity_key("L", place["id"])
    reading.state(CLINIC, key, {"name": {"name": place["name"][:120]}})
    return key


def state_therapist(reading: Reading, text: str) -> str:
    """The therapist of an XCN: states his name and returns his key; empty where there is none."""
    who = fields.person(reading.message, text) if text else None
    if who is None:
        return ""
    key = entity_key("P", who["id"] or f"{who['last']},{who['first']}")
    values: dict[str, Any] = {}
    if who["last"] or who["first"]:
        values["name"] = {"first": who["first"], "last": who["last"]}
    if who["degree"]:
        values["credential"] = who["degree"]
    if who["type"] == "NPI" or who["authority"] == "NPI":
        values["npi"] = who["id"][:10]
    reading.state(THERAPIST, key, values)
    return key


def care(reading: Reading, pv1: Segment | None) -> dict[str, Any]:
    """What a message says about the care around it: diagnosis, therapist, clinic, payer, plan, referral."""
    message = reading.message
    values: dict[str, Any] = {}
    diagnoses = diagnosis_codes(message)
    if diagnoses:
        values["diagnosis"] = diagnoses
    if pv1 is not None:
        if clinic := state_clinic(reading, pv1[3]):
            values["clinic"] = clinic
        if therapist := state_therapist(reading, (pv1.repeats(7) or [""])[0]):
            values["therapist"] = therapist
        referrer = fields.person(message, (pv1.repeats(8) or [""])[0])
        if referrer:
            values["referral"] = {
                "source": "physician", "name": f"{referrer['first']} {referrer['last']}".strip()[:160],
                "npi": referrer["id"][:10] if referrer["type"] == "NPI" else "",
            }  # fmt: skip
    if payer := _payer(reading):
        values["payer"] = payer
    return values | _planned(reading)


def _payer(reading: Reading) -> str | None:
    insurance = next(iter(reading.message.all("IN1")), None)
    if insurance is None:
        return None
    own = reading.context.codes.get("payer", {})
    for told in (insurance.part(15), insurance.part(47), insurance.part(2), insurance.part(9)):
        if found := own.get(told) or codes.payer(told):
            return found
    reading.parsed.flag("payer_unknown")
    return None


def _planned(reading: Reading) -> dict[str, Any]:
    values: dict[str, Any] = {}
    plan = {
        name: int(told)
        for name in ("planned_visits", "planned_per_week")
        if (told := reading.pick(reading.setting(name))).isdigit() and int(told) < 1000
    }
    if plan:
        values["plan"] = plan
    authorised = reading.pick(reading.setting("authorised_visits"))
    until = reading.moment(reading.pick(reading.setting("authorised_to")))
    if authorised.isdigit() or until:
        values["authorisation"] = {
            "visits": int(authorised[:4]) if authorised.isdigit() else None,
            "to": until.at.date().isoformat() if until else None,
        }
    if surgery := reading.moment(reading.pick(reading.setting("surgery_date"))):
        values["surgery_date"] = surgery.at.date().isoformat()
    return values


def diagnosis_codes(message: Message) -> list[list[str]]:
    """`[code, I10 or I9]` of the DG1 segments by priority: ICD only, dots set, deleted ones (DG1-21 D) left out."""
    found: list[tuple[int, int, list[str]]] = []
    for index, segment in enumerate(message.all("DG1")):
        code, system = segment.part(3, 1).upper(), segment.part(3, 3).upper()
        if not code or segment.part(21).upper() == "D":
            continue
        if system.startswith(("I9", "ICD9", "ICD-9")):
            one = [code[:10], "I9"]
        elif (system.startswith(("I10", "ICD10", "ICD-10", "10")) or not system) and _ICD10.fullmatch(code):
            plain = code.replace(".", "")
            one = [f"{plain[:3]}.{plain[3:]}" if len(plain) > 3 else plain, "I10"]
        else:
            continue
        rank = segment.part(15)
        found.append((int(rank) if rank.isdigit() and len(rank) < 5 else 99, index, one))
    unique: list[list[str]] = []
    for _rank, _index, one in sorted(found, key=lambda entry: entry[:2]):
        if one not in unique:
            unique.append(one)
    return unique[:12]


def duration(amount: str, unit: str) -> timedelta | None:
    """SCH-9 with SCH-10 (minutes unless it says s, min or h); None for what is no length or over a day."""
    if not re.fullmatch(r"\d{1,6}", amount):
        return None
    scale = {"S": 1, "SEC": 1, "H": 3600, "HR": 3600, "HOUR": 3600, "HOURS": 3600}.get(unit.upper(), 60)
    length = timedelta(seconds=int(amount) * scale)
    return length if timedelta() < length <= timedelta(days=1) else None


def episode_key(reading: Reading, pv1: Segment | None) -> str:
    """The source's own episode: the field that the feed names, else a recurring patient's account; else empty."""
    if told := reading.pick(reading.setting("episode_key")):
        return entity_key("ep", told)
    if pv1 is not None and pv1.part(2).upper() == "R" and pv1.part(19):
        return entity_key("series", pv1.part(19))
    return ""


def state_care(reading: Reading, patient: str, episode: str, values: dict[str, Any]) -> None:
    """What was said about the care: to the episode that the message names, else to the patient."""
    if episode:
        reading.state(EPISODE, episode, {"patient": patient, "deleted": False, **values})
    elif values:
        reading.state(PATIENT, patient, values)
