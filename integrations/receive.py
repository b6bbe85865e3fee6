"""Bytes to stored messages: durable, encrypted, each once per feed, before anything is read out of them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from integrations.hl7v2.message import Piece
from integrations.kinds import KINDS
from integrations.models import Feed, ImportBatch, RawMessage, RawMessageBody
from prm import ids


@dataclass
class Outcome:
    """What became of one message: `ref` names it to whoever sent it (file and number)."""

    ref: str
    outcome: str  # stored (not applied yet), applied, duplicate, ignored, dead, rejected
    code: str = ""
    reason: str = ""
    entities: dict[str, int] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)
    message: RawMessage | None = None

    def json(self) -> dict[str, Any]:
        """As `manage.py ingest --json` prints it."""
        return {
            "ref": self.ref, "outcome": self.outcome, "code": self.code, "reason": self.reason,
            "entities": self.entities, "flags": self.flags,
        }  # fmt: skip


def pieces(feed: Feed, raw: bytes, name: str) -> list[tuple[str, Piece]]:
    """The messages of a file with a reference each: `name`, or `name#3` where there are several."""
    found = KINDS[feed.kind].split_file(raw)
    return [(name if len(found) == 1 else f"{name}#{number}", piece) for number, piece in enumerate(found, start=1)]


def store(
    feed: Feed, messages: Sequence[tuple[str, Piece]], *, now: datetime, batch: ImportBatch | None = None
) -> list[Outcome]:
    """Store messages in one statement; one whose bytes were stored before is a duplicate and stays as it was.

    Rejected pieces are not stored. Runs in the caller's transaction. In the order given.
    """
    canonical = KINDS[feed.kind].canonical_bytes
    outcomes: list[Outcome] = []
    fresh: dict[str, tuple[Outcome, RawMessage, bytes]] = {}
    for ref, piece in messages:
        refused = piece.refusal
        if refused is not None and refused.outcome == "rejected":
            outcomes.append(Outcome(ref, "rejected", refused.code, refused.reason))
            continue
        key = hashlib.sha256(canonical(piece.data)).hexdigest()
        if key in fresh:
            outcomes.append(Outcome(ref, "duplicate", message=fresh[key][1]))
            continue
        message = RawMessage(
            id=ids.uuid7(), practice_id=feed.practice_id, feed=feed, batch=batch, received_at=now, dedupe_key=key,
            size=len(piece.data), flags=list(piece.flags),
        )  # fmt: skip
        if refused is not None:
            message.state, message.code = RawMessage.State.DEAD, refused.code
            message.reason, message.where, message.attempts = refused.reason[:300], refused.where, 1
        outcome = Outcome(ref, "stored", message=message)
        outcomes.append(outcome)
        fresh[key] = (outcome, message, piece.data)
    known = dict(RawMessage.objects.filter(feed=feed, dedupe_key__in=fresh).values_list("dedupe_key", "pk"))
    for key in known:
        fresh[key][0].outcome = "duplicate"
    rows = [(message, data) for key, (_outcome, message, data) in fresh.items() if key not in known]
    bodies = [RawMessageBody(id=message.pk, practice_id=feed.practice_id, at=now) for message, _data in rows]
    for body, (_message, data) in zip(bodies, rows, strict=True):
        body.seal(data)
    RawMessage.objects.bulk_create([message for message, _data in rows], batch_size=1000)
    RawMessageBody.objects.bulk_create(bodies, batch_size=500)
    if rows:
        Feed.objects.filter(pk=feed.pk).update(last_received_at=now)
    return outcomes
