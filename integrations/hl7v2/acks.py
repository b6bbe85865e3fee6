"""What an HL7 v2 sender is answered: which messages are taken, and the acknowledgement in his own marks. Pure.

AA once it is stored, even where it cannot be used: an AE or AR stops most engines' queues, so what is wrong with the
content becomes a dead letter on our side. AR for what will never work. Codes: HL7 tables 0008 and 0357.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from integrations.facts import Refusal
from integrations.hl7v2.message import BOM, CHARSETS, MAX_BYTES, read

MARKS = b"^~\\&"
# Table 0357 of what we refuse or, on a strict feed, cannot use; 207 where none of the table's words fits.
ERROR_CODES: Mapping[str, tuple[str, str]] = {
    "no_msh": ("100", "Segment sequence error"), "segment_order": ("100", "Segment sequence error"),
    "second_patient": ("100", "Segment sequence error"), "batch_broken": ("100", "Segment sequence error"),
    "patient_missing": ("101", "Required field missing"), "no_usable_identifier": ("101", "Required field missing"),
    "merge_incomplete": ("101", "Required field missing"), "visit_key_missing": ("101", "Required field missing"),
    "start_missing": ("101", "Required field missing"), "message_type_missing": ("101", "Required field missing"),
    "delimiters": ("102", "Data type error"), "date_invalid": ("102", "Data type error"),
    "code_unknown": ("103", "Table value not found"), "processing_id": ("202", "Unsupported processing id"),
}  # fmt: skip
INTERNAL = ("207", "Application internal error")


@dataclass(frozen=True)
class Verdict:
    """What the answer says. `code`: AA, AE or AR; `problem` says why it is not AA."""

    code: str
    problem: Refusal | None = None


ACCEPTED = Verdict("AA")


@dataclass(frozen=True)
class Header:
    """The MSH of a message in raw bytes, so that an answer can echo it byte for byte."""

    separator: bytes
    marks: bytes
    fields: tuple[bytes, ...]  # fields[n] is MSH-n

    def __getitem__(self, number: int) -> bytes:
        return self.fields[number] if number < len(self.fields) else b""

    @property
    def component(self) -> bytes:
        """The mark between components."""
        return self.marks[:1]

    @property
    def event(self) -> bytes:
        """MSH-9.2, empty where there is none."""
        return [*self[9].split(self.component), b"", b""][1]

    @property
    def is_ack(self) -> bool:
        """It is an acknowledgement, which is never answered."""
        return self[9].split(self.component)[0].strip().upper() == b"ACK"

    @property
    def codec(self) -> str:
        """How an answer is encoded: MSH-18, else ASCII."""
        told = self[18].split(self.marks[1:2])[0].strip().upper().decode("latin-1") if len(self.fields) > 18 else ""
        return CHARSETS.get(told) or "ascii"


def header_of(raw: bytes) -> Header:
    """The header of a message; one with the usual marks and no fields where nothing can be read out of it."""
    line = raw.removeprefix(BOM).lstrip(b" \r\n").replace(b"\n", b"\r").split(b"\r", 1)[0]
    separator = line[3:4]
    usable = line.startswith(b"MSH") and separator and not separator.isalnum() and b"!" <= separator <= b"~"
    if not usable:
        return Header(b"|", MARKS, ())
    parts = line.split(separator)
    marks = parts[1] if len(parts) > 1 else b""
    safe = 2 <= len(marks) <= 5 and len({*marks, *separator}) == len(marks) + 1 and not any(
        bytes([mark]).isalnum() or not 0x21 <= mark <= 0x7E for mark in marks
    )  # fmt: skip
    if not safe:
        marks = bytes(mark for mark in MARKS if mark != separator[0])
        marks = marks if len(marks) == 4 else marks + b"|"
    return Header(separator, marks, (b"", separator, *parts[1:]))


def judge(raw: bytes, settings: Mapping[str, Any]) -> Verdict:
    """Whether a message is taken, from its header alone: AA to be stored, AR for what will never work."""
    try:
        message = read(raw, settings.get("charset", "cp1252"))
    except Refusal as refusal:
        return Verdict("AR", refusal)
    msh = message.first("MSH")
    told = msh.part(11) if msh else ""
    allowed = settings.get("processing_ids", ["P", ""])
    if told not in allowed and not (msh and msh.part(9, 1).upper() == "ACK"):
        named = ", ".join(one or "empty" for one in allowed)
        reason = f'MSH-11 is "{told[:3]}"; this feed takes {named}.'
        return Verdict("AR", Refusal("rejected", "processing_id", reason, "MSH-11"))
    return ACCEPTED


def too_large(size: int) -> Verdict:
    """The answer to a message that is larger than we take."""
    reason = f"The message has {size:,} bytes; at most {MAX_BYTES:,} are taken."
    return Verdict("AR", Refusal("rejected", "too_large", reason))


def answers(raw: bytes, verdict: Verdict, *, now: datetime) -> list[bytes]:
    """The acknowledgements of one message, in order; none for an acknowledgement.

    Original mode (MSH-15 and MSH-16 empty): one, AA, AE or AR. Enhanced mode: CA, CE or CR as MSH-15 asks, then the
    application's own as MSH-16 asks, at once, because what became of a message is told to us and not to the sender.
    """
    header = header_of(raw)
    if header.is_ack:
        return []
    wants_accept, wants_application = (header[number].strip().upper().decode("latin-1") for number in (15, 16))
    if not wants_accept and not wants_application:
        return [_acknowledgement(header, verdict.code, verdict, now)]
    good, refused = verdict.code == "AA", verdict.code == "AR"
    found = []
    accepted = not refused  # stored: the message was accepted, even where the application then says AE
    if _wanted(wants_accept, good=accepted):
        found.append(_acknowledgement(header, "CA" if accepted else "CR", verdict if refused else ACCEPTED, now))
    if _wanted(wants_application, good=good) and not (refused and found):
        found.append(_acknowledgement(header, verdict.code, verdict, now))
    return found


def _wanted(condition: str, *, good: bool) -> bool:
    """Table 0155: AL always, NE or empty never, ER where it went wrong, SU where it went well."""
    return condition == "AL" or condition == ("SU" if good else "ER")


def _acknowledgement(header: Header, code: str, verdict: Verdict, now: datetime) -> bytes:
    sep, comp = header.separator, header.component
    stamp = now.astimezone(UTC).strftime("%Y%m%d%H%M%S+0000").encode()
    kind = b"ACK" + (comp + header.event if header.event else b"")
    control = secrets.token_hex(10).encode()
    fields = [
        b"MSH", header.marks, header[5], header[6], header[3], header[4], stamp, b"", kind, control,
        header[11] or b"P", header[12] or b"2.5.1", b"", b"", *([b"NE", b"NE"] if header[15] or header[16] else []),
    ]  # fmt: skip
    if header[18]:
        fields += [b""] * (17 - len(fields)) + [header[18]]
    problem = verdict.problem if code not in ("AA", "CA") else None
    text = _text(problem.reason, header) if problem else b""
    lines = [sep.join(fields).rstrip(sep), sep.join([b"MSA", code.encode(), header[10], text]).rstrip(sep)]
    if code in ("AA", "CA") or not problem:
        # An empty MSA-2 is told, not left out: the sender finds its own empty MSH-10 in it.
        lines[1] = sep.join([b"MSA", code.encode(), header[10]])
    else:
        lines.append(_err(header, problem, text))
    return b"\r".join(lines) + b"\r"


def _err(header: Header, problem: Refusal, text: bytes) -> bytes:
    """ERR of v2.5 on: where, table 0357, severity, our code, the sentence for a person. Before: ERR-1 alone."""
    sep, comp = header.separator, header.component
    sub = header.marks[3:4] or b"&"
    number, meaning = ERROR_CODES.get(problem.code, INTERNAL)
    segment, _dash, field = problem.where.partition("-")
    position = field.split(".")[0]
    place = [segment.encode("ascii", "replace"), b"1"] if len(segment) == 3 else []
    place += [position.encode()] if place and position.isdigit() else []
    if not _from_2_5(header[12]):
        error = sub.join([number.encode(), _text(meaning, header), b"HL70357"])
        return sep.join([b"ERR", comp.join([*(place + [b""] * (3 - len(place))), error])])
    table = comp.join([number.encode(), _text(meaning, header), b"HL70357"])
    ours = _text(problem.code, header)
    return sep.join([b"ERR", b"", comp.join(place), table, b"E", ours, b"", b"", text])


def _from_2_5(version: bytes) -> bool:
    """Versions from 2.5 on, and those that nobody knows."""
    numbers = version.split(b"^")[0].split(b".")
    return not (len(numbers) > 1 and numbers[0] == b"2" and numbers[1][:1].isdigit() and int(numbers[1][:1]) < 5)


def _text(words: str, header: Header) -> bytes:
    """Our words in the sender's marks and charset: marks escaped, typographic signs as ASCII has them."""
    plain = words.translate({0x201C: '"', 0x201D: '"', 0x2019: "'", 0x2013: "-"})
    escape = header.marks[2:3].decode() or ""
    names = {header.separator.decode(): "F", header.marks[:1].decode(): "S", header.marks[1:2].decode(): "R",
             escape: "E", header.marks[3:4].decode(): "T"}  # fmt: skip
    names.pop("", None)
    told = "".join((f"{escape}{names[sign]}{escape}" if escape else " ") if sign in names else sign for sign in plain)
    return told.replace("\r", " ").replace("\n", " ").encode(header.codec, "replace")
