"""Ask for a message: one row in the caller's transaction, at most once a dedupe key (messaging.md §1)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import models, transaction

from accounts.models import Membership, Practice
from messaging.compose.fields import check_given
from messaging.models import Klass, OutboxMessage, TemplateVersion
from messaging.outbox import guard
from messaging.outbox.contexts import write_context
from patients import worklist
from patients.models import Patient
from prm import clock
from prm.tenancy import current_practice_id

LASTS = {
    Klass.SECURITY: timedelta(hours=1),
    Klass.DIRECT: timedelta(hours=48),
    Klass.CARE: timedelta(hours=72),
    Klass.MARKETING: timedelta(days=7),
}  # messaging.md §1; a reminder ends at its visit's start, which its caller says


class WrongMessage(ValueError):
    """What was asked for is no message; the text names the argument, what was found and what was expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One message to be queued: of a `template_version`, or of a `body` (`{"subject", "text"}`, a direct message).

    `context`: values of merge fields by their dotted names, such as `{"links.survey": "https://…"}`; only names of
    `messaging.compose.fields` are accepted. `source`: the row that asks for it; opaque here.
    """

    patient: Patient | None
    channel: str
    purpose: str
    topic: str
    klass: str
    dedupe_key: str
    language: str = "en"
    template_version: TemplateVersion | None = None
    body: Mapping[str, str] | None = None
    member: Membership | None = None
    not_before: datetime | None = None
    expires_at: datetime | None = None
    campaign: UUID | None = None
    source: models.Model | None = None
    context: Mapping[str, str] | None = None


def enqueue(practice: Practice, *, now: datetime | None = None, **what: Any) -> OutboxMessage:
    """Queue one message in the caller's transaction and return its row; the arguments are those of `Draft`.

    The same `dedupe_key` returns the old row, unchanged. The guard decides at once: a drop is stored as `suppressed`,
    a deferral as a later `not_before`. Inside the practice's context. WrongMessage for wrong arguments.
    """
    return enqueue_many(practice, [Draft(**what)], now=now)[0]


def enqueue_many(practice: Practice, drafts: Iterable[Draft], *, now: datetime | None = None) -> list[OutboxMessage]:
    """Queue many messages with one insert; rows in the order of the drafts. As `enqueue`."""
    if practice.pk != current_practice_id():
        raise WrongMessage(f"practice: {practice.pk} is not the practice of the context")
    moment = now or clock.now()
    messages = [_row(draft, moment) for draft in drafts]
    if not messages:
        return []
    verdicts = guard.decide(messages, moment)
    for message in messages:
        guard.apply(message, verdicts[message.pk], at=moment)
    OutboxMessage.objects.bulk_create(messages, ignore_conflicts=True, batch_size=1000)
    stored = {
        row.dedupe_key: row
        for row in OutboxMessage.objects.filter(dedupe_key__in=[message.dedupe_key for message in messages])
    }
    new = {message.pk for message in messages}
    fresh = [row for row in stored.values() if row.pk in new]
    announce_held(fresh, now=moment)
    if any(row.state == OutboxMessage.State.QUEUED and row.not_before <= moment for row in fresh):
        nudge_on_commit()
    return [stored[message.dedupe_key] for message in messages]


def nudge_on_commit() -> None:
    """Ring for a worker once the transaction has committed; without one the poller comes within seconds."""
    from messaging.tasks import nudge  # noqa: PLC0415  (tasks import the delivery, which imports this module's rows)

    waiting = {function for _savepoint, function, _robust in transaction.get_connection().run_on_commit}
    if nudge not in waiting:
        transaction.on_commit(nudge, robust=True)


def announce_held(messages: Iterable[OutboxMessage], *, now: datetime) -> None:
    """Open a work item for templates whose messages are held for what they say or lack."""
    held = {m.template_version_id: m for m in messages if m.state == OutboxMessage.State.HELD}
    for message in held.values():
        subject = message.template_version.template if message.template_version else message
        worklist.open_item("template_broken", subject, now=now, due_at=None, line=message.reason)


def _row(draft: Draft, now: datetime) -> OutboxMessage:
    """An unsaved row of a draft. WrongMessage."""
    if (draft.template_version is None) == (draft.body is None):
        raise WrongMessage("template_version, body: expected exactly one of them")
    if draft.patient is not None and draft.member is not None:
        raise WrongMessage("patient, member: expected one of them")
    if not draft.dedupe_key or len(draft.dedupe_key) > 200:
        raise WrongMessage(f"dedupe_key: {len(draft.dedupe_key)} characters, expected 1 to 200")
    expires_at = draft.expires_at or now + LASTS[Klass(draft.klass)]
    message = OutboxMessage(
        channel=draft.channel, klass=draft.klass, purpose=draft.purpose, topic=draft.topic, language=draft.language,
        patient=draft.patient, member=draft.member, template_version=draft.template_version,
        dedupe_key=draft.dedupe_key, campaign=draft.campaign, created_at=now, state_at=now,
        not_before=draft.not_before or now, expires_at=expires_at,
        source=draft.source.pk if draft.source is not None else None,
        source_kind=draft.source._meta.label_lower if draft.source is not None else "",
    )  # fmt: skip
    given = {"fields": check_given(draft.context or {})} if draft.body is None else {"body": dict(draft.body)}
    write_context(message, given)
    return message
