"""One row to facts: what it says of a patient, his case and his visit, or why it cannot be used. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from integrations import codes
from integrations.context import CLAMP, Context
from integrations.csvfile import people, values
from integrations.csvfile.cells import Cells, Layout, Problem, RowRefused
from integrations.csvfile.mapping import FileMapping
from integrations.csvfile.words import CASE_STATUS, TRUE, VISIT_STATUS, plain
from integrations.facts import CLINIC, CLOSING, EPISODE, PATIENT, THERAPIST, VISIT, Fact, entity_key, order_key
from integrations.hl7v2.fields import Moment

DAY = timedelta(days=1)


@dataclass
class RowRead:
    """What one row says. `key` names the thing that the row is about; `patient` whose it is."""

    number: int
    facts: list[Fact] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    problem: Problem | None = None
    key: str = ""
    patient: str = ""

    @property
    def entities(self) -> dict[str, int]:
        """Kind of thing to number, as outcomes tell it."""
        found: dict[str, int] = {}
        for entity, _key in {(fact.entity, fact.key) for fact in self.facts}:
            found[entity] = found.get(entity, 0) + 1
        return found


class Bookings:
    """Bookings of one patient at one time under several numbers (WebPT): the greatest number is the one."""

    def __init__(self, mapping: FileMapping) -> None:
        self.wanted = mapping.greatest_id
        self.by_time: dict[tuple[str, str], dict[str, Fact]] = {}

    def add(self, row: RowRead) -> None:
        """Note the bookings of a row."""
        for fact in row.facts if self.wanted else ():
            if fact.entity == VISIT and (times := fact.values.get("schedule")):
                self.by_time.setdefault((row.patient, times["at"]), {})[fact.key] = fact

    def retired(self) -> list[Fact]:
        """That the smaller numbers are other names of the greatest one."""
        found = []
        for several in self.by_time.values():
            if len(several) > 1:
                best = max(several, key=_number_of)
                found += [
                    Fact(VISIT, key, fact.order, {"moved_to": best}) for key, fact in several.items() if key != best
                ]
        return found


def _number_of(key: str) -> tuple[int, str]:
    told = key.partition("|")[2]
    return (int(told), told) if re.fullmatch(r"-?\d{1,18}", told) else (0, told)


def read_row(
    layout: Layout, number: int, raw: Sequence[str], context: Context, *, extract: datetime, digest: str = ""
) -> RowRead:
    """What a row says. `extract` (aware) orders rows that tell no time of their own; the later row then wins."""
    row = RowRead(number)
    cells = Cells(layout, number, raw, context)
    try:
        _check_shape(layout, number, raw)
        _state(row, cells, extract, digest)
    except RowRefused as refused:
        row.facts, row.problem = [], refused.problem
    row.flags = cells.flags
    return row


def _check_shape(layout: Layout, number: int, raw: Sequence[str]) -> None:
    if len(raw) < layout.width or any(raw[layout.width :]):
        filled = max((index + 1 for index, cell in enumerate(raw) if cell), default=0)
        raise RowRefused(Problem(number, "", "ragged_row", f"{max(filled, len(raw))} cells", f"{layout.width} cells"))
    for index, cell in enumerate(raw[: layout.width]):
        if not cell.isascii() and re.search("[\udc80-\udcff\ufffd]", cell):
            seen = cell.encode("utf-8", "replace").decode()
            raise RowRefused(Problem(number, layout.header[index], "encoding", seen, "text in one encoding"))


_Told = tuple[str, dict[str, Any]]  # a thing's key and what is said of it


@dataclass
class _Order:
    """How a row's statements are ordered: its own time with a rank, else the extract's with its row number."""

    at: datetime
    told: bool
    sequence: str
    digest: str

    def key(self, rank: int = 0) -> str:
        return order_key(self.at, rank=rank if self.told else 0, sequence=self.sequence, digest=self.digest)


def _order(cells: Cells, clinic: str, extract: datetime, digest: str) -> _Order:
    told = cells.moment("updated_at", clinic)
    micros = extract.microsecond % 1000
    sequence = str(micros * 10**7 + min(cells.number, 10**7 - 1))
    if told is None:
        return _Order(extract, told=False, sequence=sequence, digest=digest)
    if told.at > cells.context.received_at + CLAMP:
        cells.flag("source_time_future")
        return _Order(cells.context.received_at.astimezone(UTC), told=True, sequence=str(cells.number), digest=digest)
    return _Order(told.at, told=True, sequence=str(cells.number), digest=digest)


def _state(row: RowRead, cells: Cells, extract: datetime, digest: str) -> None:
    authority = cells.context.settings.get("authority", "")
    number = cells.id("patient_id")
    if not number and "patient_id" in cells.layout.fields:
        raise cells.refuse("patient_id", "key_missing", "the patient's number", "")
    row.patient = entity_key(authority, number) if number else ""
    clinic, therapist = _clinic_key(cells), _therapist_key(cells)
    order = _order(cells, clinic, extract, digest)
    gone = _truth(cells, "deleted")
    _state_staff(row, cells, order, clinic, therapist)
    visit = _visit(cells, clinic, row.patient)
    episode = _episode(cells, clinic, row.patient)
    care = _care(cells)
    own = {"patient": row.patient} if row.patient else {}
    around = {**({"clinic": clinic} if clinic else {}), **({"therapist": therapist} if therapist else {})}
    if row.patient and cells.layout.tells_person:
        removed = gone and visit is None and episode is None
        person = people.person(cells, order.at) if not removed else {}
        person |= {"identifiers": [[authority, number, "MR"]], "deleted": removed}
        if visit is None and episode is None:
            person |= around | care
        row.facts.append(Fact(PATIENT, row.patient, order.key(9 if removed else 0), person))
        row.key = f"{PATIENT} {row.patient}"
    if episode is not None:
        entity, key, told = episode
        values_told = {**own, "deleted": gone and visit is None, **around, **care, **told}
        row.facts.append(Fact(entity, key, order.key(), values_told))
        row.key = f"{entity} {key}"
    if visit is not None:
        key, told = visit
        rank = 9 if gone else codes.STATUS_RANK.get(told.get("schedule_status", ""), 0)
        values_told = {**own, "deleted": gone, **around, **({} if episode else care), **told}
        if episode is not None and episode[0] == EPISODE:
            values_told["episode"] = episode[1]
        row.facts.append(Fact(VISIT, key, order.key(rank), values_told))
        row.key = f"{VISIT} {key}"
    _note_closes(row, cells, order, visit, episode, own)
    if not row.facts:
        raise RowRefused(Problem(cells.number, "", "nothing_told", "", "a person, a case or a visit"))


def _note_closes(
    row: RowRead, cells: Cells, order: _Order, visit: _Told | None, episode: tuple[str, str, dict[str, Any]] | None,
    own: dict[str, str],
) -> None:  # fmt: skip
    """A finished discharge note is the discharge of its case; a later day on which the case was closed is not."""
    if visit is None or episode is None or not cells.layout.mapping.notes:
        return
    told = visit[1]
    if told.get("kind") == "discharge" and told.get("evidence") and "clinical_times" in told:
        at = {name: told["clinical_times"][name] for name in ("at", "day") if name in told["clinical_times"]}
        row.facts.append(Fact(EPISODE, episode[1], order.key(), {**own, "discharge": {**at, "reason": ""}}))


def _truth(cells: Cells, name: str) -> bool:
    told, mapped = cells.code(name)
    return plain(mapped or told) in TRUE


def _clinic_key(cells: Cells) -> str:
    told = cells.id("clinic_id") or cells.text("clinic")
    return entity_key("L", told) if told else ""


def _therapist_key(cells: Cells) -> str:
    told = cells.id("therapist_id") or cells.id("therapist_npi") or cells.text("therapist")
    return entity_key("P", told) if told else ""


def _state_staff(row: RowRead, cells: Cells, order: _Order, clinic: str, therapist: str) -> None:
    if clinic and (name := cells.text("clinic")):
        row.facts.append(Fact(CLINIC, clinic, order.key(), {"name": {"name": name[:120]}}))
    npi, name = cells.id("therapist_npi"), cells.text("therapist")
    if therapist and (name or npi):
        told: dict[str, Any] = {}
        if name:
            first, last, credential = people.staff_name(name)
            told["name"] = {"first": first[:80], "last": last[:80]}
            told |= {"credential": credential} if credential else {}
        if npi:
            told["npi"] = npi[:10]
        row.facts.append(Fact(THERAPIST, therapist, order.key(), told))


def _care(cells: Cells) -> dict[str, Any]:
    """Diagnosis, payer, plan, authorisation, referral, surgery: as far as the row tells them."""
    told: dict[str, Any] = {}
    if found := people.diagnoses(cells.texts("diagnosis")):
        told["diagnosis"] = found
    elif cells.texts("diagnosis"):
        cells.flag("diagnosis_unreadable")
    payer, mapped = cells.code("payer")
    if payer:
        if kind := mapped or codes.payer(payer):
            told["payer"] = kind
        else:
            cells.flag("payer_unknown")
    plan = {
        name: number for name in ("planned_visits", "planned_per_week")
        if (number := cells.whole(name, 999)) is not None
    }  # fmt: skip
    if plan:
        told["plan"] = plan
    visits, until = cells.whole("authorised_visits", 9999), cells.day("authorised_to")
    if visits is not None or until:
        told["authorisation"] = {"visits": visits, "to": until}
    if surgery := cells.day("surgery_date"):
        told["surgery_date"] = surgery
    if referral := people.referral(cells):
        told["referral"] = referral
    for name, unit in (("payer", "payer"), ("surgery_date", "surgery_date"), ("diagnosis", "diagnosis")):
        if cells.clears(name):
            told[unit] = None
    return told


def _episode(cells: Cells, clinic: str, patient: str) -> tuple[str, str, dict[str, Any]] | None:
    """The case of a row as (entity, key, values); None where the row tells none.

    A discharge without a case's number and without its opening closes the one case that is open then (CLOSING).
    """
    number = cells.id("case_id")
    opened = cells.moment("opened", clinic)
    closed = cells.moment("discharged", clinic)
    weak = closed is None and (closed := cells.moment("case_closed", clinic)) is not None
    status, mapped = cells.code("case_status")
    word = mapped or CASE_STATUS.get(plain(status), "")
    if status and not word:
        raise cells.refuse("case_status", "code_unknown", "a status such as active or discharged")
    if not number and opened is None and closed is None:
        return None
    told: dict[str, Any] = {}
    if opened is not None and opened.at <= cells.context.received_at + DAY:
        told["opened"] = opened.at.isoformat()
    if word:
        told["status"] = "planned" if word == "planned" else "active"
    if closed is not None and opened is not None and closed.at < opened.at - DAY:
        raise cells.refuse("discharged", "discharge_before_start", "a date on or after the opening")
    if closed is not None:
        code, ours = cells.code("discharge_reason")
        reason = codes.discharge_reason(ours or code, cells.context.codes.get("discharge_reason", {}))
        reason = reason or codes.discharge_reason(plain(code).lower().replace(" ", "_"), {})
        if code and not reason:
            cells.flag("discharge_reason_unknown")
        told["discharge"] = {**closed.json(), "reason": reason, **({"weak": True} if weak else {})}
    elif cells.clears("discharged") or (word == "active" and status and "discharged" in cells.layout.places):
        told["discharge"] = None
    elif word == "closed":
        cells.flag("discharge_date_missing")
    if number:
        return EPISODE, entity_key("c", number), told
    if opened is not None:
        return EPISODE, entity_key("c", patient, opened.at.date().isoformat()), told
    return CLOSING, entity_key("c", patient, closed.at.date().isoformat() if closed else ""), {**told, "period": True}


def _visit(cells: Cells, clinic: str, patient: str) -> tuple[str, dict[str, Any]] | None:
    """The visit of a row with its key; None where the row tells none."""
    number = cells.id("visit_id")
    starts = cells.moment("visit_start", clinic, "visit_time")
    if not number and starts is None:
        return None
    told: dict[str, Any] = {}
    status = _visit_status(cells)
    if starts is not None:
        told["schedule"] = {**starts.json(), **_end(cells, starts, clinic)}
    elif status not in {codes.CANCELLED, codes.NO_SHOW} and not _truth(cells, "deleted"):
        raise cells.refuse("visit_start", "start_missing", "when the visit begins", "")
    told["schedule_status"] = status
    finished = cells.moment("note_finalised", clinic)
    if finished:
        told["evidence"] = codes.COMPLETED
        told.setdefault("schedule", finished.json())
    if cells.layout.mapping.notes:
        told = _as_note(told, finished=finished is not None or "note_finalised" not in cells.layout.fields)
    if status == codes.CANCELLED:
        told["cancelled_by"] = _cancelled_by(cells)
    if booked := cells.moment("booked_at", clinic):
        told["booked_at"] = booked.at.isoformat()
    cpt = [code for text in cells.texts("cpt") for code in re.findall(r"\b\d{5}\b|\b[A-Z]\d{4}\b", text.upper())]
    if cpt:
        told["cpt"] = sorted(set(cpt))
    kind, ours = cells.code("visit_kind", "visit_type")
    if found := ours or codes.visit_kind([kind, plain(kind), *cpt]) or people.visit_kind(kind):
        told["kind"] = found
    elif kind:
        cells.flag("visit_type_unmapped")
    if cells.layout.mapping.notes and number:
        return entity_key("n", number), told
    key = entity_key("a", number) if number else entity_key("a", patient, (told.get("schedule") or {}).get("at", ""))
    return key, told


def _as_note(told: dict[str, Any], *, finished: bool) -> dict[str, Any]:
    """What a note or a charge says: that the visit took place; a finished one beats any booking's status."""
    done = {"clinical": codes.COMPLETED, "evidence": codes.COMPLETED} if finished else {"clinical": codes.ARRIVED}
    times = {"clinical_times": told["schedule"]} if "schedule" in told else {}
    return done | times


def _visit_status(cells: Cells) -> str:
    told, mapped = cells.code("visit_status")
    if not told:
        return codes.ARRIVED if cells.text("checked_in") else codes.BOOKED
    word = mapped or VISIT_STATUS.get(plain(told), "")
    if not word:
        raise cells.refuse("visit_status", "code_unknown", "a status such as booked, completed, cancelled or no-show")
    return codes.ARRIVED if word == codes.BOOKED and cells.text("checked_in") else word


def _end(cells: Cells, starts: Moment, clinic: str) -> dict[str, str]:
    minutes = cells.whole("duration", 1440)
    told = cells.text("visit_end")
    if told and (clock := values.wall_time(told)) and starts.day_only is False:
        day = starts.at.astimezone(cells.context.zone_of(clinic)).date()
        ends = values.moment(values.Stamp(day, clock[1]), cells.context.zone_of(clinic))
    else:
        ends = cells.moment("visit_end", clinic)
    if ends is not None and not ends.day_only:
        if ends.at > starts.at:
            return {"end": ends.at.isoformat()}
        cells.flag("end_before_start")
    if minutes and not starts.day_only:
        return {"end": (starts.at + timedelta(minutes=minutes)).isoformat()}
    return {}


def _cancelled_by(cells: Cells) -> str:
    told, mapped = cells.code("cancel_reason", "cancelled_by")
    status = plain(cells.text("visit_status"))
    for word in (plain(mapped), plain(told), status):
        if any(one in word for one in ("CLINIC", "PROVIDER", "THERAPIST", "OFFICE", "STAFF")):
            return "clinic"
        if any(one in word for one in ("PATIENT", "CLIENT")):
            return "patient"
    return "unknown"
