"""What providers tell afterwards: stored raw, then worked in so that any order and number of tellings ends the same.

Each event counts once by its natural key; delivery only ever rises in rank (messaging.md §1, §4).
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from messaging.models import OutboxMessage, ProviderEvent, ProviderEventKey, Suppression
from messaging.outbox import suppress
from patients import timeline
from prm import crypto
from prm.tenancy import current_practice_id

log = logging.getLogger(__name__)

Delivery, State = OutboxMessage.Delivery, OutboxMessage.State
RANK = {
    Delivery.NONE: 0, Delivery.ACCEPTED: 1, Delivery.DEFERRED: 2, Delivery.DELIVERED: 3, Delivery.BLOCKED: 4,
    Delivery.BOUNCED: 5, Delivery.DROPPED: 5,
}  # fmt: skip
TIMELINE = {"delivered": "message_delivered", "bounce": "message_bounced", "dropped": "message_bounced",
            "spamreport": "message_complained"}  # fmt: skip


class NotAnEvent(ValueError):
    """Something in a provider's POST that cannot be worked in; the text says what, without a person's data."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event about one message of ours. `delivery`, `suppress`: what it means, empty for nothing."""

    message_id: UUID
    kind: str
    at: datetime
    key: str
    delivery: str = ""
    suppress: str = ""
    code: str = ""
    text: str = ""
    machine: bool = False
    practice: str = ""


Parser = Callable[..., tuple[list[Event], list[str]]]
_parsers: dict[str, Parser] = {}


def register(provider: str, parse: Parser) -> None:
    """Say how a provider's stored POSTs are read: `parse(body, now=) -> (events, problems)`, raises NotAnEvent."""
    if provider in _parsers:
        raise ValueError(f"events of {provider!r} are registered twice")
    _parsers[provider] = parse


def store(provider: str, body: bytes, *, now: datetime, stale: bool) -> ProviderEvent:
    """Keep one POST as it came, encrypted, in the caller's transaction."""
    row = ProviderEvent(provider=provider, at=now, stale=stale, practice_id=current_practice_id())
    row.body = crypto.encrypt(body, **_place(row))
    row.save(force_insert=True)
    return row


def raw(row: ProviderEvent) -> bytes:
    """The POST as it came."""
    return crypto.decrypt(row.body, **_place(row))


def read_stored(*, now: datetime, limit: int = 100) -> int:
    """Work in what is stored and not done, oldest first; returns how many POSTs. Inside the practice's context."""
    rows = list(
        ProviderEvent.objects.filter(state=ProviderEvent.State.STORED)
        .order_by("at")
        .select_for_update(skip_locked=True)[:limit]
    )
    for row in rows:
        try:
            events, problems = _parsers[row.provider](raw(row), now=now)
        except NotAnEvent as problem:
            row.state, row.problem = ProviderEvent.State.DEAD, str(problem)[:200]
        except crypto.CannotDecrypt:
            row.state, row.problem = ProviderEvent.State.DEAD, "cannot be decrypted"
        else:
            problems += work_in(row, events)
            row.events = len(events)
            row.state = ProviderEvent.State.DEAD if problems else ProviderEvent.State.DONE
            row.problem = "; ".join(problems)[:200]
        if row.problem:
            log.warning("events.not_understood", extra={"event": str(row.pk), "count": row.events})
        ProviderEvent.objects.filter(pk=row.pk, at=row.at).update(
            state=row.state, problem=row.problem, events=row.events
        )
    return len(rows)


def work_in(row: ProviderEvent, events: Sequence[Event]) -> list[str]:
    """Apply the new ones of these events; returns a line for each whose message is not ours."""
    messages = {
        message.pk: message
        for message in OutboxMessage.objects.filter(pk__in={event.message_id for event in events})
        .select_related("patient", "template_version__template")
        .order_by("pk")
        .select_for_update(of=("self",))
    }
    problems = [f"{event.kind} of an unknown message" for event in events if event.message_id not in messages]
    wanted = {event.key: event for event in events if event.message_id in messages}
    ProviderEventKey.objects.bulk_create(
        [
            ProviderEventKey(
                key=event.key, provider=row.provider, kind=event.kind[:24], message_id=event.message_id, at=event.at,
                event=row.pk, code=event.code, text=event.text,
            )
            for event in wanted.values()
        ],
        ignore_conflicts=True,
    )  # fmt: skip
    counted = set(ProviderEventKey.objects.filter(key__in=wanted, event=row.pk).values_list("key", flat=True))
    for event in sorted((wanted[key] for key in counted), key=lambda event: (event.at, event.key)):
        _apply(messages[event.message_id], event)
    changed = {wanted[key].message_id for key in counted}
    OutboxMessage.objects.bulk_update(
        [messages[pk] for pk in changed],
        ["state", "state_at", "reason", "delivery", "delivery_at", "opens", "machine_opens", "clicks", "context"],
    )
    _tell_timeline(messages, [wanted[key] for key in counted])
    return problems


def _apply(message: OutboxMessage, event: Event) -> None:
    """One new event onto its message. `state` is our call: only an unknown one is settled by it."""
    if message.state == State.UNKNOWN:
        message.state, message.state_at, message.reason, message.context = State.SENT, event.at, "", b""
    if event.delivery and RANK[Delivery(event.delivery)] > RANK[Delivery(message.delivery)]:
        message.delivery, message.delivery_at = event.delivery, event.at
    if event.kind == "open":
        message.opens += not event.machine
        message.machine_opens += event.machine
    if event.suppress == Suppression.Kind.SOFT_BOUNCE:
        suppress.soft_bounce(message, now=event.at)
    elif event.suppress:
        suppress.add(message, event.suppress, now=event.at)


def _tell_timeline(messages: Mapping[UUID, OutboxMessage], events: Sequence[Event]) -> None:
    entries = []
    for event in events:
        message, kind = messages[event.message_id], TIMELINE.get(event.kind)
        if kind and message.patient is not None:
            name = message.template_version.template.name if message.template_version else ""
            entries.append(timeline.entry(message.patient, kind, message, at=event.at, template=name))
    timeline.record_all(entries)


def _place(row: ProviderEvent) -> dict[str, Any]:
    return {"practice_id": row.practice_id, "table": row._meta.db_table, "row": row.pk, "column": "body"}
