"""Reading messages again: dead letters after a fix, and all of them to prove that the facts follow from them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from integrations import snapshot
from integrations.apply import apply_messages, lock
from integrations.identity import DECIDED_CAUSES
from integrations.kinds import KINDS
from integrations.models import Feed, IdentityLink, RawMessage, SourceRecord
from prm import crypto


class _RollBack(Exception):
    """The check is over; nothing is to be kept."""


def replay(feed: Feed, messages: Sequence[RawMessage], *, now: datetime) -> list[RawMessage]:
    """Read these messages of a feed again; facts that are known already change nothing. In one transaction."""
    with transaction.atomic():
        lock(feed)
        apply_messages(feed, messages, now=now)
    return list(messages)


def ignore(message: RawMessage, *, note: str, by: Any) -> bool:
    """Let a dead letter rest, with the reason of whoever decided it. False where it is none any more."""
    crypto.seal_text(message, "note", note[:240])
    return bool(
        RawMessage.objects.filter(pk=message.pk, state=RawMessage.State.DEAD).update(
            state=RawMessage.State.IGNORED, note=message.note, handled_by=by
        )
    )


def rebuild(feed: Feed, *, now: datetime, check: bool) -> list[str]:
    """Forget the merge state, read every kept message again, and compare: the patients whose facts differ.

    Rows keep their ids. With `check` nothing is kept. Messages whose bytes have expired make no difference only where
    nothing was lost with them, so a feed with such messages is not rebuilt: ValueError.
    """
    expired = RawMessage.objects.filter(feed=feed, state=RawMessage.State.EXPIRED).count()
    if expired and not check:
        raise ValueError(f"{expired} messages of this feed have no bytes any more; their facts would be lost")
    differences: list[str] = []
    try:
        with transaction.atomic():
            lock(feed)
            before = snapshot.of_feed(feed)
            SourceRecord.objects.filter(feed=feed).update(state={}, patient_key="")
            IdentityLink.objects.filter(feed=feed).exclude(cause__in=DECIDED_CAUSES).delete()
            kept = RawMessage.objects.filter(feed=feed).exclude(state__in=["stored", "expired"])
            last: UUID | None = None
            while True:
                following = kept.filter(pk__gt=last) if last else kept
                chunk = list(following.order_by("pk")[: KINDS[feed.kind].per_turn])
                if not chunk:
                    break
                apply_messages(feed, chunk, now=now)
                last = chunk[-1].pk
            after = snapshot.of_feed(feed)
            differences = sorted(str(pk) for pk in before.keys() | after.keys() if before.get(pk) != after.get(pk))
            if check:
                raise _RollBack
    except _RollBack:
        pass
    return differences
