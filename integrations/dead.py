"""Dead letters: grouped by what is wrong, and the raw text with the place highlighted."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max

from integrations.models import Feed, RawMessage, RawMessageBody

TITLES = {
    "apply_failed": "Applying failed", "batch_broken": "Batch header inside a message", "code_unknown": "Unknown code",
    "date_invalid": "Impossible date", "discharge_before_start": "Discharged before the start",
    "empty_batch": "Batch without messages", "episode_ambiguous": "Which episode was closed?",
    "fhir_xml": "XML, not JSON",
    "id_missing": "Resource without id", "merge_incomplete": "Merge without both ids",
    "message_type_missing": "No message type", "modifier_extension": "Unknown modifier",
    "no_usable_identifier": "No id that names a patient", "not_json": "Not JSON", "patient_missing": "No patient",
    "resource_type_missing": "No resource type", "second_patient": "Two patients in one message",
    "start_missing": "No start", "visit_key_missing": "Visit without a number", "waiting": "Patient not seen yet",
    "processing_id": "Test message", "no_msh": "Not HL7 v2", "delimiters": "Unusable delimiters",
}  # fmt: skip


@dataclass(frozen=True)
class Group:
    """Dead letters with one reason."""

    code: str
    kind: str
    reason: str
    number: int
    newest: datetime

    @property
    def title(self) -> str:
        """The reason in a few words."""
        return TITLES.get(self.code, self.code.replace("_", " ").capitalize())


def groups(feed: Feed) -> list[Group]:
    """Dead letters of a feed by kind of message and reason, the largest group first. One query."""
    rows = (
        RawMessage.objects.filter(feed=feed, state=RawMessage.State.DEAD)
        .values("code", "kind", "reason")
        .annotate(number=Count("pk"), newest=Max("received_at"))
        .order_by("-number", "code", "kind")
    )
    return [Group(**row) for row in rows]


@dataclass(frozen=True)
class Piece:
    """A run of raw text; `marked` is the place that the reason names."""

    text: str
    marked: bool = False


def raw_text(message: RawMessage) -> str | None:
    """The message as text, a segment a line; None where its bytes are no longer kept. The caller audits."""
    body = RawMessageBody.objects.filter(pk=message.pk, at=message.received_at).first()
    if body is None:
        return None
    raw = body.open()
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("cp1252", "replace")
    return re.sub(r"\r\n?|\n", "\n", text.replace("\x00", "")).strip()


def highlighted(text: str, where: str) -> Iterator[Piece]:
    """The text in pieces; the field that `where` names (`PID-7`) is marked, its segment where it is empty."""
    match = re.fullmatch(r"([A-Z][A-Z0-9]{2})(?:-(\d+))?(?:\.\d+)?", where)
    if match is None:
        yield Piece(text)
        return
    name, number = match[1], int(match[2] or 0)
    done = False
    for line in text.splitlines(keepends=True):
        if done or not line.startswith(name) or len(line) < 4:
            yield Piece(line)
            continue
        done = True
        fields = line.rstrip("\n").split(line[3])
        at = number - 1 if name in {"MSH", "BHS", "FHS"} else number
        if 0 < at < len(fields) and fields[at]:
            yield Piece(line[3].join(fields[:at]) + line[3])
            yield Piece(fields[at], marked=True)
            rest = fields[at + 1 :]
            yield Piece((line[3] + line[3].join(rest) if rest else "") + "\n")
        else:
            yield Piece(line.rstrip("\n"), marked=True)
            yield Piece("\n")
