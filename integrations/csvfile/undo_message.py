"""The message that undoes an import: a tombstone for every thing that only this import brought. Pure."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime

from integrations.facts import Fact, Parsed, order_key

KIND = "csv.undo"
_MARK = b'{"prm":"csv.undo"'


def pack(things: Iterable[tuple[str, str]], *, at: datetime, batch: str) -> bytes:
    """The bytes of an undo at `at` (aware) of the import `batch`."""
    told = {"prm": KIND, "at": at.astimezone(UTC).isoformat(), "batch": batch, "things": sorted(things)}
    return json.dumps(told, separators=(",", ":"), ensure_ascii=True).encode()


def is_undo(raw: bytes) -> bool:
    """True for what `pack` wrote."""
    return raw.startswith(_MARK)


def parse(raw: bytes) -> Parsed:
    """Tombstones; a newer statement of a feed restores what they hide."""
    told = json.loads(raw)
    at = datetime.fromisoformat(told["at"])
    order = order_key(at, rank=9)
    facts = [Fact(entity, key, order, {"deleted": True}) for entity, key in told["things"]]
    return Parsed(kind=KIND, source_ts=at, facts=facts)
