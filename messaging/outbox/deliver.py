"""From the queue to the provider: claim, render, start, call, record; each step its own short transaction.

`started` is committed right before the call and no transaction is open during it: a worker that dies leaves rows whose
fate is told by their state. Claimed: nothing left. Started: unknown, never sent again blindly (security.md §4).
"""

import logging
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import F, Max

from accounts.models import Practice
from messaging.channels import Answer, Call, Parcel, Provider, Result, Sender, accounts
from messaging.compose import rendering
from messaging.compose.rendering import Rendered
from messaging.models import DeliveryAttempt, OutboxBody, OutboxMessage
from messaging.outbox import outcomes
from messaging.outbox.claim import claim, give_back
from messaging.outbox.queue import announce_held
from prm import clock, ids
from prm.tenancy import platform, use_practice
from prm.tenancy.apart import apart

log = logging.getLogger(__name__)

State = OutboxMessage.State
BUDGET = 5.0  # seconds: a task ends by itself soon, so that SIGTERM waits for one call at most


class OpenTransaction(RuntimeError):
    """A transaction was open while the outside was to be called."""


@dataclass(slots=True)
class Tally:
    """How many rows of a run were sent, put off, refused, unknown."""

    sent: int = 0
    again: int = 0
    never: int = 0
    unknown: int = 0
    more: bool = False  # the budget ended before the work did

    def add(self, answers: Mapping[UUID, Answer]) -> None:
        """Count the answers of a call."""
        for answer in answers.values():
            self.sent += answer.result == Result.YES
            self.again += answer.result == Result.NO
            self.never += answer.result == Result.NEVER
            self.unknown += answer.result == Result.UNKNOWN


def deliver_due(channel: str, *, budget: float = BUDGET, stopping: Callable[[], bool] = lambda: False) -> Tally:
    """Send what is due on a channel, round robin over the practices, for about `budget` seconds.

    A practice gives one call a round, so that the first message of a small one waits for one call of each big one.
    """
    tally, ends, failed = Tally(), time.monotonic() + budget, set[UUID]()
    while practices := set(platform.practices_with_due_messages(channel, clock.now())) - failed:
        progress = False
        for practice_id in random.sample(sorted(practices), len(practices)):
            if stopping() or time.monotonic() >= ends:
                tally.more = True
                return tally
            failed.add(practice_id)  # until it comes back: what goes wrong for one must not be tried all the time
            with apart(practice_id):
                progress |= deliver_practice(practice_id, channel, tally=tally, stopping=stopping)
                failed.discard(practice_id)
        if not progress:  # all that is due waits for a row in flight
            break
    return tally


def deliver_practice(
    practice_id: UUID, channel: str, *, tally: Tally | None = None, stopping: Callable[[], bool] = lambda: False
) -> bool:
    """Claim one batch of a practice and make its calls. True where any row moved."""
    count = tally or Tally()
    with use_practice(practice_id):
        practice = Practice.objects.get(pk=practice_id)
        provider, sender = accounts.account(practice, channel)
        claimed = claim(channel, at=clock.now(), limit=provider.claim, lease=provider.lease)
    if not claimed.rows:
        return claimed.seen > 0
    with use_practice(practice_id):
        bodies, failed = rendering.render_all(practice, claimed.rows)
        _hold(claimed.rows, failed, now=clock.now())
    for group in _groups(provider, claimed.rows, bodies):
        if stopping():
            break
        count.add(_call(practice_id, provider, sender, claimed.id, group, bodies))
    with use_practice(practice_id):
        give_back(claimed.id, at=clock.now())
    return True


def _hold(messages: Sequence[OutboxMessage], failed: Mapping[UUID, rendering.CannotRender], *, now: datetime) -> None:
    """What cannot be put into words waits for a person."""
    held = [message for message in messages if message.pk in failed]
    for message in held:
        message.state, message.state_at, message.claim, message.lease_until = State.HELD, now, None, None
        message.verdict, message.verdict_step = OutboxMessage.Outcome.HOLD, 7
        message.reason = failed[message.pk].reason
    OutboxMessage.objects.bulk_update(
        held, ["state", "state_at", "claim", "lease_until", "verdict", "verdict_step", "reason"]
    )
    announce_held(held, now=now)


def _groups(
    provider: Provider, messages: Sequence[OutboxMessage], bodies: Mapping[UUID, Rendered]
) -> Iterator[list[OutboxMessage]]:
    """Messages of one call: same class, purpose, language, version and skeleton, at most the provider's group.

    No address twice in a call: the claim took each once.
    """
    alike: dict[tuple[object, ...], list[OutboxMessage]] = {}
    for message in messages:
        if (body := bodies.get(message.pk)) is not None:
            key = (message.klass, message.purpose, message.language, message.template_version_id)
            alike.setdefault((*key, body.subject, body.html, body.text), []).append(message)
    for group in alike.values():
        for first in range(0, len(group), provider.group):
            yield group[first : first + provider.group]


def _call(
    practice_id: UUID, provider: Provider, sender: Sender, claim_id: UUID, group: Sequence[OutboxMessage],
    bodies: Mapping[UUID, Rendered],
) -> Mapping[UUID, Answer]:  # fmt: skip
    """Start, call, record one group. Rows that the sweeper took back meanwhile are left out."""
    with use_practice(practice_id):
        started = _start(provider, claim_id, group, bodies, now=clock.now())
    if not started:
        return {}
    if connection.in_atomic_block:
        raise OpenTransaction(provider.name)
    call = Call(
        sender, klass=started[0].klass, purpose=started[0].purpose,
        parcels=[_parcel(message, bodies[message.pk]) for message in started],
    )  # fmt: skip
    begun = time.monotonic()
    answers = ask(provider, call)
    log.info(
        "outbox.called",
        extra={"channel": provider.name, "count": len(started), "ms": round((time.monotonic() - begun) * 1000)},
    )
    with use_practice(practice_id):
        outcomes.record(provider, claim_id, started, answers, now=clock.now())
    return answers


def ask(provider: Provider, call: Call) -> dict[UUID, Answer]:
    """The provider's answers; whatever it leaves out or raises is unknown, for nobody can say what left."""
    try:
        answers = dict(provider.send(call))
    except Exception as problem:
        log.exception("outbox.unforeseen", extra={"channel": provider.name, "count": len(call.parcels)})
        answers = {parcel.message_id: Answer(Result.UNKNOWN, code=type(problem).__name__) for parcel in call.parcels}
    silent = Answer(Result.UNKNOWN, code="no_answer")
    return {parcel.message_id: answers.get(parcel.message_id, silent) for parcel in call.parcels}


def _start(
    provider: Provider, claim_id: UUID, group: Sequence[OutboxMessage], bodies: Mapping[UUID, Rendered], *,
    now: datetime,
) -> list[OutboxMessage]:  # fmt: skip
    """`claimed` becomes `started` for the rows that are still ours, with the body as sent and an open attempt each."""
    mine = set(
        OutboxMessage.objects.filter(pk__in=[m.pk for m in group], claim=claim_id, state=State.CLAIMED)
        .select_for_update()
        .values_list("pk", flat=True)
    )
    started = [message for message in group if message.pk in mine]
    OutboxMessage.objects.filter(pk__in=mine).update(
        state=State.STARTED, state_at=now, lease_until=now + provider.lease, attempts=F("attempts") + 1,
        provider=provider.name,
    )  # fmt: skip
    for message in started:
        message.state, message.attempts, message.provider = State.STARTED, message.attempts + 1, provider.name
    OutboxBody.objects.bulk_create(rendering.sealed_bodies(started, bodies), ignore_conflicts=True)
    call_id = ids.uuid7()
    tried = dict(DeliveryAttempt.objects.filter(message__in=mine).values_list("message").annotate(last=Max("number")))
    DeliveryAttempt.objects.bulk_create(
        DeliveryAttempt(
            message=message, number=tried.get(message.pk, 0) + 1, call=call_id, provider=provider.name, started_at=now
        )
        for message in started
    )
    return started


def _parcel(message: OutboxMessage, body: Rendered) -> Parcel:
    return Parcel(
        message.pk, message.address, subject=body.subject, html=body.html, text=body.text, tags=body.tags,
        headers=body.headers,
    )  # fmt: skip
