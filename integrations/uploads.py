"""Uploads: small files are applied at once, larger ones are stored and applied by the worker."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from accounts.models import Practice
from integrations import play, receive, tasks
from integrations.models import Feed, ImportBatch, RawMessage

AT_ONCE = 200
SHOWN = 100


def take_in(practice: Practice, feed: Feed, name: str, raw: bytes, *, by: Any, now: datetime) -> ImportBatch:
    """Store the messages of a file and apply them, at once where they are few. The same bytes twice are duplicates."""
    messages = receive.pieces(feed, raw, name)
    at_once = len(messages) <= AT_ONCE and feed.state != Feed.State.PAUSED
    batch = ImportBatch.objects.create(
        feed=feed, name=name[:160], total=len(messages), started_by=by, created_at=now, state=ImportBatch.State.RUNNING
    )
    outcomes = []
    for start in range(0, len(messages), play.BATCH):
        outcomes += receive.store(feed, messages[start : start + play.BATCH], now=now, batch=batch)
    counts = Counter(one.outcome for one in outcomes if one.outcome in {"duplicate", "rejected"})
    batch.counts = dict(counts)
    batch.rejected = [
        {"ref": one.ref, "code": one.code, "reason": one.reason} for one in outcomes if one.outcome == "rejected"
    ][:SHOWN]
    if at_once:
        play.drain(practice, feed, now=now)
        batch.state, batch.finished_at = ImportBatch.State.DONE, now
    else:
        tasks.nudge(feed)
    batch.save()
    return batch


@dataclass(frozen=True)
class Result:
    """What became of an upload so far."""

    batch: ImportBatch
    counts: dict[str, int]
    entities: dict[str, int]
    problems: list[RawMessage] = field(default_factory=list)

    @property
    def done(self) -> int:
        """Messages that have their outcome."""
        return sum(number for state, number in self.counts.items() if state != "stored")

    @property
    def ended(self) -> bool:
        """Nothing of it waits any more."""
        return not self.counts.get("stored")


def result(batch: ImportBatch) -> Result:
    """Counts by outcome, what they brought, and the messages that were not used (at most 100)."""
    own = RawMessage.objects.filter(batch=batch)
    counts: Counter[str] = Counter(batch.counts)
    entities: Counter[str] = Counter()
    for state, brought in own.values_list("state", "entities"):
        counts[state] += 1
        if state == RawMessage.State.APPLIED:
            entities.update(brought)
    problems = list(own.filter(state__in=["dead", "ignored"]).order_by("state", "pk")[:SHOWN])
    return Result(batch, dict(counts), dict(entities), problems)
