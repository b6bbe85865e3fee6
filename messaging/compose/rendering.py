"""From queued rows to what each person reads: a few queries a batch, no database in between.

What differs from person to person is printed as a tag and kept beside the text, so that a provider can send one text to
many; who cannot reads the text with the tags filled in. Liquid decides conditions per person before that.
"""

import json
import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from html import escape
from typing import Any
from uuid import UUID

import phonenumbers

from accounts import brand
from accounts.models import Practice
from messaging.compose import fields, liquid
from messaging.models import OutboxBody, OutboxMessage, TemplateVersion
from messaging.outbox.contexts import read_context
from patients.models import Patient
from prm import crypto

TAG = re.compile(r"-\{[ht]:[a-z_.]+\}-")
ONE_FOR_ALL = ("practice.",)  # the same for everyone in a call: printed as they are


@dataclass(frozen=True, slots=True)
class Rendered:
    """One message. `subject html text` may hold tags; `tags` has their values. A text message has `text` only."""

    text: str
    subject: str = ""
    html: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def read(self, part: str) -> str:
        """A part as its reader gets it."""
        return fill(getattr(self, part), self.tags)


def fill(text: str, tags: Mapping[str, str]) -> str:
    """A text with its tags filled in; values are never looked into again."""
    return TAG.sub(lambda found: tags.get(found[0], found[0]), text)


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
    kept = kept_bodies(batch)
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
        except crypto.CannotDecrypt:
            failed[message.pk] = CannotRender("unreadable")
    return done, failed


def sealed_bodies(messages: Iterable[OutboxMessage], bodies: Mapping[UUID, Rendered]) -> list[OutboxBody]:
    """Unsaved rows that keep the bodies, encrypted; their key is the message's."""
    rows = []
    for message in messages:
        row = OutboxBody(id=message.pk, practice_id=message.practice_id, at=message.created_at)
        packed = zlib.compress(json.dumps(asdict(bodies[message.pk])).encode())
        row.content = crypto.encrypt(packed, **_place(row))
        rows.append(row)
    return rows


def _place(row: OutboxBody) -> dict[str, Any]:
    return {"practice_id": row.practice_id, "table": row._meta.db_table, "row": row.pk, "column": "content"}


def _open(row: OutboxBody) -> Rendered:
    return Rendered(**json.loads(zlib.decompress(crypto.decrypt(row.content, **_place(row)))))


def as_sent(message: OutboxMessage) -> Rendered | None:
    """What was sent, from the kept body; None before the first attempt and after 13 months."""
    return kept_bodies([message]).get(message.pk)


def preview(practice: Practice, message: OutboxMessage) -> Rendered:
    """What would be sent now. MissingValue, BrokenWording where it cannot be."""
    return _render(practice, message, message.template_version, message.patient)


def kept_bodies(batch: list[OutboxMessage]) -> dict[UUID, Rendered]:
    """What each message of the batch said, by its id, where the body is still kept."""
    if not any(message.attempts for message in batch):
        return {}
    rows = OutboxBody.objects.filter(
        pk__in=[m.pk for m in batch if m.attempts], at__in={m.created_at for m in batch if m.attempts}
    )
    return {row.pk: _open(row) for row in rows}


def _render(
    practice: Practice, message: OutboxMessage, version: TemplateVersion | None, patient: Patient | None
) -> Rendered:
    given = read_context(message)
    if version is None:
        body = given.get("body", {})
        return Rendered(text=body.get("text", ""), subject=body.get("subject", ""))
    values = own_values(practice, patient) | given.get("fields", {})
    wording = _in_language(version.compiled, message.language, practice)
    parts: dict[str, str] = {}
    tags: dict[str, str] = {}
    for name in ("subject", "html", "text"):
        if name in wording:
            kind = "h" if name == "html" else "t"
            shown, used = _tagged(values, kind) if liquid.taggable(wording[name]) else (values, {})
            parts[name] = liquid.render(wording[name], fields.nested(shown), html=name == "html")
            tags |= {tag: value for tag, value in used.items() if tag in parts[name]}
    return Rendered(parts["text"], parts.get("subject", ""), parts.get("html", ""), tags)


def _tagged(values: Mapping[str, str], kind: str) -> tuple[dict[str, str], dict[str, str]]:
    """The values with tags in place of what is personal, and the tags' values, escaped for HTML where `kind` is `h`."""
    shown, tags = dict(values), {}
    for name, value in values.items():
        if value and not name.startswith(ONE_FOR_ALL):
            tag = f"-{{{kind}:{name}}}-"
            shown[name] = tag
            tags[tag] = escape(value) if kind == "h" else value
    return shown, tags


def own_values(practice: Practice, patient: Patient | None) -> dict[str, str]:
    """Our own values, each on one line: they may stand in a header."""
    values = {
        "practice.name": practice.name,
        "practice.phone": _national(practice.phone),
        "practice.address": practice.postal_address,
        "practice.colour": practice.brand_colour,
        "practice.logo": brand.logo_address(practice),
        "patient.first_name": patient.first_name if patient else "",
    }
    return {name: " ".join(value.split()) for name, value in values.items()}


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
