"""Take in many messages at once: what `ingest`, uploads and the demo's player call."""

from collections.abc import Sequence
from datetime import datetime

from accounts.models import Practice
from integrations import receive
from integrations.apply import BATCH, apply_stored
from integrations.hl7v2.message import Piece
from integrations.kinds import KINDS
from integrations.models import Feed, ImportBatch, RawMessage
from integrations.receive import Outcome
from prm.tenancy import use_practice


def ingest_bytes(practice: Practice, feed: Feed, raw: Sequence[bytes], *, now: datetime) -> list[Outcome]:
    """Store and apply messages (each one message of the feed's kind); one outcome each, in their order."""
    messages = [(str(number), Piece(data)) for number, data in enumerate(raw, start=1)]
    return ingest(practice, feed, messages, now=now)


def ingest(
    practice: Practice, feed: Feed, messages: Sequence[tuple[str, Piece]], *, now: datetime,
    batch: ImportBatch | None = None,
) -> list[Outcome]:  # fmt: skip
    """Store and apply messages in transactions of at most 500; one outcome each, in their order."""
    outcomes: list[Outcome] = []
    for start in range(0, len(messages), BATCH):
        with use_practice(practice.pk):
            outcomes += receive.store(feed, messages[start : start + BATCH], now=now, batch=batch)
        drain(practice, feed, now=now)
    with use_practice(practice.pk):
        settle(outcomes)
    return outcomes


def drain(practice: Practice, feed: Feed, *, now: datetime) -> int:
    """Apply what is stored of a feed until nothing is left; returns the number of messages."""
    done = 0
    while True:
        with use_practice(practice.pk):
            handled = apply_stored(feed, now=now)
        done += len(handled)
        if len(handled) < KINDS[feed.kind].per_turn:
            return done


def settle(outcomes: Sequence[Outcome]) -> None:
    """Fill outcomes of stored messages with what became of them by now."""
    waiting = {outcome.message.pk: outcome for outcome in outcomes if outcome.message and outcome.outcome == "stored"}
    for message in RawMessage.objects.filter(pk__in=waiting):
        outcome = waiting[message.pk]
        outcome.outcome = {"stored": "stored", "expired": "dead"}.get(message.state, message.state)
        outcome.code, outcome.reason = message.code, message.reason
        outcome.entities, outcome.flags = message.entities, message.flags
