"""From queued rows to what each person reads: a few queries a batch, no database in between."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

import phonenumbers

from accounts.models import Practice
from messaging.compose import fields, liquid
from messaging.models import OutboxBody, OutboxMessage, TemplateVersion
from messaging.outbox.contexts import read_context
from patients.models import Patient
from prm import crypto


@dataclass(frozen=True, slots=True)
class Rendered:
    """One message as its reader gets it. A text message has `text` only."""

    text: str
    subject: str = ""
    html: str = ""
    headers: dict[str, str] = field(default_factory=dict)


class CannotRender(ValueError):
    """A message that cannot be put into words; `reason` is stored with the held row."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def render_all(
    practice: Practice, messages: Iterable[OutboxMessage]
) -> tuple[dict[UUID, Rendered], dict[UUID, CannotRender]]:
    """Texts by message id, and what could not be rendered. A body that was kept once is used again as it is."""
    batch = list(messages)
    kept = _kept_bodies(batch)
    versions = TemplateVersion.objects.in_bulk({m.template_version_id for m in batch if m.template_version_id})
    people = Patient.objects.in_bulk({m.patient_id for m in batch if m.patient_id})
    done: dict[UUID, Rendered] = {}
    failed: dict[UUID, CannotRender] = {}
    for message in batch:
        if message.pk in kept:
            done[message.pk] = kept[message.pk]
            continue
        try:
            done[message.pk] = _render(
                practice, message, versions.get(message.template_version_id), people.get(message.patient_id)
            )
        except liquid.MissingValue as problem:
            failed[message.pk] = CannotRender(f"missing_field:{problem}"[:40])
        except liquid.BrokenWording:
            failed[message.pk] = CannotRender("broken_wording")
    return done, failed


def sealed_bodies(messages: Iterable[OutboxMessage], bodies: Mapping[UUID, Rendered]) -> list[OutboxBody]:
    """Unsaved rows that keep the bodies, encrypted; their key is the message's."""
    rows = []
    for message in messages:
        row = OutboxBody(id=message.pk, practice_id=message.practice_id, at=message.created_at)
        crypto.seal_text(row, "content", json.dumps(asdict(bodies[message.pk])))
        rows.append(row)
    return rows


def as_sent(message: OutboxMessage) -> Rendered | None:
    """What was sent, from the kept body; None before the first attempt and after 13 months."""
    return _kept_bodies([message]).get(message.pk)


def preview(practice: Practice, message: OutboxMessage) -> Rendered:
    """What would be sent now. MissingValue, BrokenWording where it cannot be."""
    return _render(practice, message, message.template_version, message.patient)


def _kept_bodies(batch: list[OutboxMessage]) -> dict[UUID, Rendered]:
    if not any(message.attempts for message in batch):
        return {}
    rows = OutboxBody.objects.filter(
        pk__in=[m.pk for m in batch if m.attempts], at__in={m.created_at for m in batch if m.attempts}
    )
    return {row.pk: Rendered(**json.loads(crypto.open_text(row, "content"))) for row in rows}


def _render(
    practice: Practice, message: OutboxMessage, version: TemplateVersion | None, patient: Patient | None
) -> Rendered:
    given = read_context(message)
    if version is None:
        body = given.get("body", {})
        return Rendered(text=body.get("text", ""), subject=body.get("subject", ""))
    values = fields.nested(_own(practice, patient) | given.get("fields", {}))
    wording = _in_language(version.compiled, message.language, practice)
    parts: dict[str, Any] = {
        name: liquid.render(wording[name], values, html=name == "html")
        for name in ("subject", "html", "text")
        if name in wording
    }
    if "subject" in parts:
        parts["subject"] = " ".join(parts["subject"].split())  # a header is one line
    return Rendered(**parts)


def _own(practice: Practice, patient: Patient | None) -> dict[str, str]:
    return {
        "practice.name": practice.name,
        "practice.phone": _national(practice.phone),
        "practice.address": practice.postal_address,
        "practice.colour": practice.brand_colour,
        "patient.first_name": patient.first_name if patient else "",
    }


def _national(e164: str) -> str:
    """(415) 555-0100, as people in the country read it."""
    try:
        number = phonenumbers.parse(e164, "US")
    except phonenumbers.NumberParseException:
        return e164
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)


def _in_language(compiled: Mapping[str, Any], language: str, practice: Practice) -> Mapping[str, str]:
    """The message's language, else the practice's first, else English, else whatever there is."""
    for choice in (language[:2], *practice.languages, "en"):
        if choice in compiled:
            return compiled[choice]
    return next(iter(compiled.values()))
