"""Messages of the listener into the database, as many as wait in one commit; what each sender is told afterwards."""

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError, close_old_connections, connection

from integrations import receive
from integrations.apply import context_of
from integrations.facts import Refusal
from integrations.hl7v2 import parse
from integrations.hl7v2.acks import ACCEPTED, Verdict, too_large
from integrations.hl7v2.message import Piece
from integrations.models import Feed, RawMessage
from prm import clock, ids
from prm.tenancy import use_practice

TRIES = 3  # where somebody else stored the same bytes in the same moment
log = logging.getLogger(__name__)


class NotStored(Exception):
    """This message is not in the database: its sender is told nothing and sends it again."""


@dataclass(frozen=True)
class Arrival:
    """One message that waits to be stored. `digest` with `size`: it is too large, only these two are kept."""

    feed_id: UUID
    piece: Piece
    strict: bool = False
    size: int = 0
    digest: str = ""


def store(practice_id: UUID, arrivals: Sequence[Arrival]) -> list[Verdict | NotStored]:
    """Store messages of one practice in one transaction; what each is answered, in their order, after the commit.

    Where the transaction fails for another reason than a lost database, each is stored alone, so that one that cannot
    be stored keeps back no other. With the database gone: NotStored for all.
    """
    close_old_connections()
    gone = False
    for _attempt in range(TRIES):
        try:
            return list(_store(practice_id, arrivals))
        except IntegrityError:
            continue
        except (OperationalError, InterfaceError):  # a restart leaves a dead connection behind: a new one may do
            connection.close()
            gone = True
        except DatabaseError:
            break
    if gone:
        log.warning("mllp.database_down")
        return [NotStored() for _one in arrivals]
    if len(arrivals) == 1:
        log.error("mllp.not_stored", extra={"feed_id": arrivals[0].feed_id})
        return [NotStored()]
    return [store(practice_id, [one])[0] for one in arrivals]


def _store(practice_id: UUID, arrivals: Sequence[Arrival]) -> list[Verdict | NotStored]:
    now = clock.now()
    verdicts: list[Verdict | NotStored] = [NotStored() for _one in arrivals]
    with use_practice(practice_id):
        feeds = Feed.objects.in_bulk({one.feed_id for one in arrivals})
        groups: dict[UUID, list[int]] = defaultdict(list)
        for index, one in enumerate(arrivals):
            groups[one.feed_id].append(index)
        for feed_id, indexes in groups.items():
            feed = feeds.get(feed_id)
            if feed is None:  # the feed went while its sender was connected
                continue
            kept = [index for index in indexes if not arrivals[index].digest]
            receive.store(feed, [("", arrivals[index].piece) for index in kept], now=now)
            for index in kept:
                verdicts[index] = ACCEPTED
            for index in sorted(set(indexes) - set(kept)):
                _note_too_large(feed, arrivals[index])
                verdicts[index] = too_large(arrivals[index].size)
            for index in kept:
                if arrivals[index].strict:
                    verdicts[index] = _usable(feed, arrivals[index].piece)
    return verdicts


def _note_too_large(feed: Feed, one: Arrival) -> None:
    """Size and hash of a message that was refused: on the feed's dead letters, where a person sees it."""
    problem = too_large(one.size).problem
    assert problem is not None  # noqa: S101  (it is an AR)
    RawMessage.objects.get_or_create(
        feed=feed, dedupe_key=one.digest,
        defaults={
            "id": ids.uuid7(), "received_at": clock.now(), "size": one.size, "state": RawMessage.State.DEAD,
            "code": problem.code, "reason": problem.reason, "attempts": 1,
        },
    )  # fmt: skip


def _usable(feed: Feed, piece: Piece) -> Verdict:
    """For a strict feed: AE where the message's content cannot be used. It is stored all the same."""
    if piece.refusal is not None:
        return Verdict("AE", piece.refusal)
    parsed = parse.parse(piece.data, context_of(feed, received_at=clock.now()))
    if parsed.outcome != "dead":
        return ACCEPTED
    return Verdict("AE", Refusal("dead", parsed.code, parsed.reason, parsed.where))
