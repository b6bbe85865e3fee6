"""What became of a call: each row's new state from the provider's answer (messaging.md §2).

Runs in a practice's context, in one transaction of its caller. Only the holder of the lease writes: a row that the
sweeper took away meanwhile stays as it is.
"""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Case, F, Value, When

from messaging.channels import Answer, Provider, Result
from messaging.models import ChannelSettings, DeliveryAttempt, OutboxMessage, SendPause
from messaging.outbox import suppress
from patients import timeline, worklist
from prm import clock

State, Delivery = OutboxMessage.State, OutboxMessage.Delivery

FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(hours=1)
MOST_ATTEMPTS = 8
FAILURES_TO_OPEN, RESTS = 5, timedelta(seconds=60)
_dice = secrets.SystemRandom()


def next_try(attempts: int, now: datetime) -> datetime:
    """30 s x 2^n with full jitter, at most an hour, after `attempts` calls (1 or more)."""
    longest = min(FIRST_WAIT * 2 ** max(attempts - 1, 0), LONGEST_WAIT)
    return now + longest * _dice.random()


def record(
    provider: Provider, claim_id: UUID, messages: Sequence[OutboxMessage], answers: Mapping[UUID, Answer],
    *, now: datetime,
) -> None:  # fmt: skip
    """Write the outcome of a call for its rows. `messages` are those that `started` under the claim."""
    held = set(
        OutboxMessage.objects.filter(pk__in=[m.pk for m in messages], claim=claim_id, state=State.STARTED)
        .select_for_update()
        .values_list("pk", flat=True)
    )
    mine = [message for message in messages if message.pk in held]
    _record_sent([m for m in mine if answers[m.pk].result == Result.YES], answers, provider, now=now)
    others = [m for m in mine if answers[m.pk].result != Result.YES]
    for message in others:
        _move(message, answers[message.pk], now=now)
    OutboxMessage.objects.bulk_update(
        others, ["state", "state_at", "reason", "not_before", "claim", "lease_until", "provider", "attempts", "facts"]
    )
    _close_attempts(messages, answers, now=now)
    _tell_timeline(mine, now=now)
    for message in others:
        if kind := answers[message.pk].suppress:
            suppress.add(message, kind, now=now)
    _watch(provider, [answers[m.pk] for m in messages], now=now)


def _record_sent(
    messages: Sequence[OutboxMessage], answers: Mapping[UUID, Answer], provider: Provider, *, now: datetime
) -> None:
    """One statement for a group: all have the call's own id. An event that came first keeps its rank."""
    if not messages:
        return
    by_id: dict[str, list[UUID]] = {}
    for message in messages:
        by_id.setdefault(answers[message.pk].provider_id, []).append(message.pk)
        message.state = State.SENT
    for provider_id, keys in by_id.items():
        OutboxMessage.objects.filter(pk__in=keys).update(
            state=State.SENT, state_at=now, claim=None, lease_until=None, reason="", context=b"",
            provider=provider.name, provider_id=provider_id[:120],
            delivery=Case(When(delivery=Delivery.NONE, then=Value(Delivery.ACCEPTED)), default=F("delivery")),
            delivery_at=Case(When(delivery=Delivery.NONE, then=Value(now)), default=F("delivery_at")),
        )  # fmt: skip


def _move(message: OutboxMessage, answer: Answer, *, now: datetime) -> None:
    """The new state of a row that was not taken."""
    message.state_at, message.claim, message.lease_until = now, None, None
    message.reason = answer.code[:40]
    if answer.pause:
        message.state, message.not_before = State.QUEUED, now
        message.attempts = max(message.attempts - 1, 1)  # the account was refused, not the message
    elif answer.result == Result.NO:
        _again(message, answer, now=now)
    elif answer.result == Result.NEVER:
        message.state, message.reason = State.FAILED, answer.code[:40] or "refused"
    else:
        message.state, message.reason = State.UNKNOWN, answer.code[:40] or "no_answer"


def _again(message: OutboxMessage, answer: Answer, *, now: datetime) -> None:
    wanted = max(next_try(message.attempts, now), answer.retry_at or now)
    if message.attempts >= MOST_ATTEMPTS:
        message.state, message.reason = State.FAILED, "gave_up"
    elif wanted >= message.expires_at:
        message.state, message.reason = State.EXPIRED, "expired"
    else:
        message.state, message.not_before = State.QUEUED, wanted


def _close_attempts(messages: Sequence[OutboxMessage], answers: Mapping[UUID, Answer], *, now: datetime) -> None:
    rows = {
        row.message_id: row
        for row in DeliveryAttempt.objects.filter(message__in=[m.pk for m in messages], result=Result.OPEN)
    }
    for message_id, row in rows.items():
        answer = answers[message_id]
        row.ended_at, row.result, row.http = now, answer.result, answer.http
        row.code, row.text = answer.code[:40], answer.text[:300]
    DeliveryAttempt.objects.bulk_update(rows.values(), ["ended_at", "result", "http", "code", "text"])


def _tell_timeline(messages: Sequence[OutboxMessage], *, now: datetime) -> None:
    """What reached an end stands in the patient's timeline."""
    entries = []
    for message in messages:
        if message.patient is None:
            continue
        name = message.template_version.template.name if message.template_version else ""
        facts = {"template": name, "channel": message.channel}
        if message.state == State.SENT:
            entries.append(timeline.entry(message.patient, "message_sent", message, at=now, **facts))
        elif message.state in (State.FAILED, State.EXPIRED):
            facts["why"] = message.reason
            entries.append(timeline.entry(message.patient, "message_not_sent", message, at=now, **facts))
    timeline.record_all(entries)


def _watch(provider: Provider, answers: Sequence[Answer], *, now: datetime) -> None:
    """Pause the channel where the provider refuses the account, or fails five calls in a row (60 s, then a probe)."""
    found = ChannelSettings.objects.select_for_update().filter(channel=provider.channel).first()
    if found is None or not answers:
        return
    if any(answer.pause for answer in answers):
        _pause(provider, found, SendPause.Why.CREDENTIALS, until=None, now=now)
    elif any(answer.breaker for answer in answers):
        found.failures += 1
        if found.failures >= FAILURES_TO_OPEN:
            _pause(provider, found, SendPause.Why.BREAKER, until=now + RESTS, now=now)
    elif found.failures:
        found.failures = 0
    else:
        return
    found.save(update_fields=["failures"])


def _pause(provider: Provider, found: ChannelSettings, why: str, *, until: datetime | None, now: datetime) -> None:
    if SendPause.objects.filter(channel=provider.channel, why=why, ended_at=None, until=until).exists():
        return
    SendPause.objects.create(channel=provider.channel, why=why, at=now, until=until)
    if until is None:
        worklist.open_item("breaker", found, now=now, due_at=now, line=why)


def sweep(*, now: datetime | None = None) -> tuple[int, int]:
    """Settle rows whose worker died: claimed ones are queued again, started ones unknown, unless an event proves more.

    Returns (queued again, unknown). Inside the practice's context.
    """
    moment = now or clock.now()
    dead = OutboxMessage.objects.filter(lease_until__lt=moment)
    again = dead.filter(state=State.CLAIMED).update(state=State.QUEUED, state_at=moment, claim=None, lease_until=None)
    proven = dead.filter(state=State.STARTED).exclude(delivery=Delivery.NONE)
    proven.update(state=State.SENT, state_at=moment, claim=None, lease_until=None, context=b"")
    lost = list(dead.filter(state=State.STARTED).values_list("pk", flat=True))
    unknown = OutboxMessage.objects.filter(pk__in=lost, state=State.STARTED, lease_until__lt=moment).update(
        state=State.UNKNOWN, state_at=moment, claim=None, lease_until=None, reason="worker_died"
    )
    DeliveryAttempt.objects.filter(message__in=lost, result=Result.OPEN).update(
        result=Result.UNKNOWN, ended_at=moment, code="worker_died"
    )
    return again, unknown
