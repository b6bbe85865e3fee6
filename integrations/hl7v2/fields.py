"""HL7 v2 data types as plain values: moments, names, ids, telephones, addresses. Pure."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from integrations.hl7v2.message import Message, Segment
from prm.clock import local_moment

_STAMP = re.compile(r"(\d{4})(\d{2})(\d{2})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:\.\d{1,6})?)?)?)?([+-]\d{4})?")
NOT_IDENTIFYING = frozenset(
    {
        "SS",
        "DL",
        "PPN",
        "AN",
        "VN",
        "BC",
        "BR",
        "EI",
        "MA",
        "MB",
        "MC",
        "MCN",
        "MCR",
        "MCT",
        "SN",
        "SB",
        "TAX",
        "CC",
        "HC",
        "JHN",
        "NIIP",
        "NPI",
        "DLN",
        "PC",
        "WC",
        "XX",
        "AM",
        "ANON",
    }
)  # fmt: skip  (CX-5 of numbers that say who pays, drives or files taxes, or that a family shares)


class Moment(NamedTuple):
    """A moment (aware, UTC) as a sender wrote it; `day_only` where it had no time (12:00 there stands in)."""

    at: datetime
    day_only: bool = False
    shifted: str = ""  # clock_gap or clock_fold where the wall time was no, or two, moments

    def json(self) -> dict[str, object]:
        """As a statement's value."""
        return {"at": self.at.isoformat(), "day": True} if self.day_only else {"at": self.at.isoformat()}


def moment(text: str, zone: ZoneInfo) -> Moment | None:
    """Read a TS or DTM. Without an offset it is wall time in `zone`; None where it cannot be read or has no day."""
    match = _STAMP.fullmatch(text.strip())
    if match is None:
        return None
    year, month, day, hour, minute, second, offset = match.groups()
    try:
        wall = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))  # noqa: DTZ001  (made aware below)
    except ValueError:
        return None
    if hour is None:
        return Moment(local_moment(wall.date(), wall.time().replace(hour=12), zone), day_only=True)
    if offset:
        delta = timedelta(hours=int(offset[1:3]), minutes=int(offset[3:5]))
        if delta > timedelta(hours=15) or not 1000 < wall.year < 9000:
            return None
        return Moment((wall - (delta if offset[0] == "+" else -delta)).replace(tzinfo=UTC))
    return from_wall(wall, zone)


def from_wall(wall: datetime, zone: ZoneInfo) -> Moment | None:
    """A naive wall time in `zone`: a spring gap shifts forward an hour, of an autumn fold the first; both are named."""
    if not 1000 < wall.year < 9000:
        return None
    at = wall.replace(tzinfo=zone).astimezone(UTC)
    shifted = ""
    if at.astimezone(zone).replace(tzinfo=None) != wall:
        shifted = "clock_gap"
    elif wall.replace(tzinfo=zone, fold=1).utcoffset() != wall.replace(tzinfo=zone).utcoffset():
        shifted = "clock_fold"
    return Moment(at, shifted=shifted)


def birth_date(text: str, today: date) -> date | None:
    """The date of PID-7, never shifted by a zone; None for what is no date, in the future or before 1890."""
    match = re.match(r"(\d{4})(\d{2})(\d{2})(?!\d$)", text.strip())
    if match is None:
        return None
    try:
        born = date(*map(int, match.groups()))
    except ValueError:
        return None
    return born if date(1890, 1, 1) <= born <= today + timedelta(days=1) else None


class PatientId(NamedTuple):
    """A CX: who assigned it, the id, its type."""

    authority: str
    value: str
    type: str

    @property
    def usable(self) -> bool:
        """It may name a patient: no social security number, account, insurance or licence."""
        return bool(self.value) and self.type not in NOT_IDENTIFYING and self.authority.upper() not in _SSN


_SSN = {"SS", "USSSA", "SSA", "SSN", "2.16.840.1.113883.4.1"}


def patient_ids(segment: Segment | None, number: int) -> list[PatientId]:
    """The ids of a CX field in the order of the sender, unusable ones left out, each once."""
    if segment is None:
        return []
    found: list[PatientId] = []
    for repeat in segment.repeats(number):
        part = segment.message.part
        authority = part(repeat, 4) or part(repeat, 4, 2)
        one = PatientId(authority, part(repeat, 1), part(repeat, 5).upper())
        # Some senders put the authority a component late: `123456789^^^^^USSSA^`.
        if part(repeat, 6).upper() in _SSN or not one.usable or one.value == '""':
            continue
        if all((one.authority, one.value) != (other.authority, other.value) for other in found):
            found.append(one)
    return found


def name(segment: Segment, number: int) -> dict[str, str] | None:
    """The first repetition of an XPN with a family or given name; a legal or current one before the others."""
    best: dict[str, str] | None = None
    for repeat in segment.repeats(number):
        part = segment.message.part
        read = {"last": part(repeat, 1)[:120], "first": part(repeat, 2)[:120], "suffix": part(repeat, 4)[:20]}
        if not (read["last"] or read["first"]):
            continue
        if part(repeat, 7).upper() in {"L", "CURRENT", "C"} and best is not None and best.get("type") not in {"L", "C"}:
            return read
        if best is None:
            best = {**read, "type": part(repeat, 7).upper()[:1]}
    return {key: best[key] for key in ("first", "last", "suffix")} if best else None


def telecoms(segment: Segment, *numbers: int) -> tuple[list[dict[str, str]], list[str]]:
    """Telephones (`{use, number, extension}`, mobile ones first) and e-mail addresses of XTN fields."""
    phones: list[dict[str, str]] = []
    emails: list[str] = []
    for number in numbers:
        for repeat in segment.repeats(number):
            part = segment.message.part
            use, equipment, address = part(repeat, 2).upper(), part(repeat, 3).upper(), part(repeat, 4)
            if "@" in address or "@" in part(repeat, 1):
                emails.append(address if "@" in address else part(repeat, 1))
                continue
            if use == "NET" or equipment in {"FX", "BP", "TDD", "MD", "INTERNET", "X.400"}:
                continue
            digits = f"{part(repeat, 6)}{part(repeat, 7)}" if part(repeat, 7) else part(repeat, 1) or part(repeat, 12)
            country = part(repeat, 5) if part(repeat, 7) else ""
            if not digits:
                continue
            if country and country != "1" and not digits.startswith("+"):
                digits = f"+{country}{digits}"
            kind = "mobile" if equipment == "CP" or use == "PRS" else "work" if use == "WPN" or number == 14 else "home"
            phones.append({"use": kind, "number": digits[:40]})
    phones.sort(key=lambda phone: phone["use"] != "mobile")
    return phones, emails


def address(segment: Segment, number: int) -> dict[str, str] | None:
    """The first repetition of an XAD that has a street or a town; a bad address (BA) is passed over."""
    for repeat in segment.repeats(number):
        part = segment.message.part
        street = " ".join(filter(None, (part(repeat, 1), part(repeat, 1, 2))))
        read = {
            "line": street, "line2": part(repeat, 2), "city": part(repeat, 3), "state": part(repeat, 4),
            "postal_code": part(repeat, 5), "country": part(repeat, 6),
        }  # fmt: skip
        if part(repeat, 7).upper() != "BA" and (read["line"] or read["city"]):
            return {key: value[:120] for key, value in read.items() if value}
    return None


def person(message: Message, text: str) -> dict[str, str] | None:
    """An XCN: id and name of a provider; None where neither is there."""
    part = message.part
    read = {
        "id": part(text, 1), "last": part(text, 2)[:80], "first": part(text, 3)[:80], "degree": part(text, 7)[:8],
        "authority": part(text, 9) or part(text, 9, 2), "type": part(text, 13),
    }  # fmt: skip
    return read if read["id"] or read["last"] else None


def location(message: Message, text: str) -> dict[str, str] | None:
    """A PL: the facility (component 4) names the clinic, else the point of care; the other is its name."""
    part = message.part
    point, facility = part(text, 1), part(text, 4)
    key = facility or point
    return {"id": key, "name": facility or part(text, 9) or point} if key else None
