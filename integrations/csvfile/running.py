"""Uploaded files on their way: checked, stored slice by slice, cancelled, undone. Each step may be killed and rerun.

The parts of the file and `done_rows` are in the database; a slice goes on after the last chunk that was committed.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from accounts.models import Practice, User
from integrations import receive
from integrations.apply import context_of, lock
from integrations.csvfile import chunks, undo_message
from integrations.csvfile.files import File, members
from integrations.csvfile.intake import (
    HOLDING,
    REFUSED,
    file_of,
    judge,
    keep_bytes,
    keep_problems,
    named_table,
    plain_reason,
    salt_for,
    short,
)
from integrations.csvfile.mapping import FileMapping
from integrations.csvfile.parse import parse
from integrations.csvfile.tables import Broken, Row, Table
from integrations.facts import CLOSING, EPISODE, PATIENT, VISIT, State
from integrations.hl7v2.message import Piece
from integrations.models import Feed, ImportBatch, ImportPart, RawMessage, RawMessageBody, SourceRecord
from prm import clock
from prm.tenancy import use_practice

READY = "ready"  # held, and nothing is missing but that a person says so
AT_ONCE = 1 << 20  # bytes; a smaller file is checked while the person waits
SLICE = timedelta(seconds=45)
_OPEN = (ImportBatch.State.WAITING, ImportBatch.State.RUNNING, ImportBatch.State.HELD)
_UNDONE = (PATIENT, EPISODE, VISIT, CLOSING)
THINGS = 5_000


def take_in(feed: Feed, file: File, *, now: datetime, extract: datetime | None = None, by: User | None = None,
            auto: bool = False) -> list[ImportBatch]:  # fmt: skip
    """Keep a file's bytes, to be checked; of an archive each of its files. `auto`: applied without being asked again.

    Runs in the caller's transaction. An archive that is refused is one batch that says why.
    """
    try:
        found = list(members(file))
    except Broken as broken:
        return [ImportBatch.objects.create(
            feed=feed, name=short(file.name), created_at=now, finished_at=now, started_by=by, kind="facts",
            state=ImportBatch.State.DONE, code=broken.code, reason=broken.reason,
        )]  # fmt: skip
    batches = []
    for one in found:
        batch = ImportBatch.objects.create(
            feed=feed, name=short(one.name), created_at=now, started_by=by, extract_at=extract or now, kind="facts",
            state=ImportBatch.State.WAITING, counts={"auto": True} if auto else {},
        )  # fmt: skip
        keep_bytes(batch, one)
        batches.append(batch)
    return batches


def check(batch: ImportBatch, *, now: datetime) -> None:
    """Judge the whole file; then it is held (`ready`, or what a person must say), or goes on where nobody is asked."""
    mapping = (
        FileMapping.from_json(batch.mapping) if batch.mapping.get("columns") or batch.mapping.get("sheet") else None
    )
    if mapping is not None and not mapping.columns:  # the sheet was chosen, not yet what it means
        verdict, _table = judge(_with_sheet(batch.feed, mapping.sheet), file_of(batch), now=now)
    else:
        verdict, _table = judge(batch.feed, file_of(batch), now=now, mapping=mapping)
    batch.rows, batch.bad_rows, batch.total = verdict.rows, verdict.bad, verdict.rows
    batch.code, batch.reason = verdict.code or READY, plain_reason(verdict)
    batch.fingerprint, batch.digest = verdict.fingerprint, verdict.digest
    if verdict.mapping is not None:
        batch.mapping = {**verdict.mapping.json(), "sheet": batch.mapping.get("sheet", "")}
    batch.counts = {**batch.counts, "sheets": verdict.sheets, "flags": verdict.flags}
    keep_problems(batch, verdict)
    ends = verdict.code in HOLDING or verdict.code in REFUSED
    batch.state = ImportBatch.State.DONE if ends else ImportBatch.State.HELD
    batch.finished_at = now if ends else None
    batch.save()
    if ends:
        ImportPart.objects.filter(batch=batch).delete()
    elif batch.code == READY and batch.counts.get("auto"):
        begin(batch, now=now)


def _with_sheet(feed: Feed, sheet: str) -> Feed:
    """The feed as if its settings named the sheet; not saved."""
    feed.settings = {**feed.settings, "sheet": sheet}
    return feed


def begin(batch: ImportBatch, *, now: datetime) -> bool:
    """Start to apply a checked file, and remember what its columns mean. False where it was started already."""
    started = ImportBatch.objects.filter(pk=batch.pk, state=ImportBatch.State.HELD, code=READY).update(
        state=ImportBatch.State.RUNNING, code="", reason=""
    )
    if not started:
        return False
    feed = Feed.objects.select_for_update().get(pk=batch.feed_id)
    known = {**feed.settings.get("mappings", {}), batch.fingerprint: batch.mapping}
    feed.settings = {**feed.settings, "mappings": known}
    feed.save(update_fields=["settings"])
    batch.refresh_from_db()
    undone = ImportBatch.objects.filter(feed=feed, digest=batch.digest, state=ImportBatch.State.UNDONE).exists()
    if undone:
        batch.extract_at = now
    salt = (
        now.isoformat() if undone else salt_for(feed, batch.fingerprint, batch.digest, batch.extract_at or now, batch)
    )
    batch.mapping = {**batch.mapping, "salt": salt}
    batch.save(update_fields=["mapping", "extract_at"])
    return True


def _rows_left(batch: ImportBatch) -> tuple[Table, Iterator[Row]]:
    table = named_table(batch.feed, file_of(batch), FileMapping.from_json(batch.mapping))
    rows = table.rows()
    for _skipped in range(batch.done_rows):
        next(rows)
    return table, rows


def run_slice(practice: Practice, batch_id: UUID, *, seconds: float = SLICE.total_seconds()) -> bool:
    """Store chunks of a running file for some time; True where rows are left. Stops within a chunk of a cancellation.

    Each chunk is committed with the number of rows done: killed between two it goes on with the next one.
    """
    ends = clock.now() + timedelta(seconds=seconds)
    with use_practice(practice.pk):
        batch = ImportBatch.objects.select_related("feed").get(pk=batch_id)
        if batch.state != ImportBatch.State.RUNNING or batch.done_rows >= batch.rows:
            return False
        table, rows = _rows_left(batch)
    some = chunks.chunked(rows)
    mapping = FileMapping.from_json(batch.mapping)
    while clock.now() < ends and batch.done_rows < batch.rows:
        with use_practice(practice.pk):
            part = next(some, None)
            if part is None or not _store_chunk(batch, table, mapping, part):
                return False
    return batch.done_rows < batch.rows


def _store_chunk(batch: ImportBatch, table: Table, mapping: FileMapping, part: list[Row]) -> bool:
    """Store one chunk and count its rows, unless the batch is no longer running or somebody else stored it."""
    raw = chunks.pack(
        part, mapping, table.header or [], extract=batch.extract_at or batch.created_at, file=batch.name,
        salt=str(batch.mapping.get("salt", "")),
    )  # fmt: skip
    current = ImportBatch.objects.select_for_update().get(pk=batch.pk)
    if current.state != ImportBatch.State.RUNNING or current.done_rows != batch.done_rows:
        return False
    receive.store(batch.feed, [(batch.name, Piece(raw))], now=clock.now(), batch=batch)
    batch.done_rows += len(part)
    ImportBatch.objects.filter(pk=batch.pk).update(done_rows=batch.done_rows)
    if batch.done_rows >= batch.rows:
        ImportPart.objects.filter(batch=batch).delete()
    return True


def cancel(batch: ImportBatch, *, now: datetime) -> bool:
    """Stop a file: nothing more of it is stored or applied. What was applied stays; `undo` takes it back."""
    stopped = ImportBatch.objects.filter(pk=batch.pk, state__in=_OPEN).update(
        state=ImportBatch.State.CANCELLED, finished_at=now
    )
    RawMessage.objects.filter(batch=batch, state=RawMessage.State.STORED).update(
        state=RawMessage.State.IGNORED, code="cancelled", reason="The import was cancelled."
    )
    ImportPart.objects.filter(batch=batch).delete()
    return bool(stopped)


def undo(batch: ImportBatch, *, now: datetime) -> int:
    """Store tombstones for what only this import brought; returns the number of things. What it changed stays.

    A newer file or a person brings them back. Safe to run twice. Runs in the caller's transaction; the feed applies it.
    """
    cancel(batch, now=now)
    lock(batch.feed)
    things = sorted(brought_alone(batch))
    pieces = [
        undo_message.pack(things[start : start + THINGS], at=now, batch=str(batch.pk))
        for start in range(0, len(things), THINGS)
    ]
    receive.store(batch.feed, [(f"undo {batch.name}", Piece(raw)) for raw in pieces], now=now)
    ImportBatch.objects.filter(pk=batch.pk).update(state=ImportBatch.State.UNDONE, finished_at=now)
    return len(things)


def brought_alone(batch: ImportBatch) -> set[tuple[str, str]]:
    """(entity, key) of the things of which nothing but this import has spoken."""
    messages = RawMessage.objects.filter(batch=batch, state=RawMessage.State.APPLIED)
    own = {key[:16] for key in messages.values_list("dedupe_key", flat=True)}
    found: set[tuple[str, str]] = set()
    for message in messages.order_by("pk").iterator(chunk_size=1):
        named = _things_of(batch.feed, message)
        for entity in _UNDONE:
            records = SourceRecord.objects.filter(feed=batch.feed, entity=entity, key__in=named.get(entity, ()))
            found |= {(entity, key) for key, state in records.values_list("key", "state") if _only(state, own)}
    return found


def _things_of(feed: Feed, message: RawMessage) -> dict[str, set[str]]:
    body = RawMessageBody.objects.get(pk=message.pk, at=message.received_at)
    named: dict[str, set[str]] = {}
    for fact in parse(body.open(), context_of(feed, received_at=message.received_at)).facts:
        named.setdefault(fact.entity, set()).add(fact.key)
    return named


def _only(state: State, own: set[str]) -> bool:
    """Every statement that the state still knows bears the digest of one of these messages."""
    for run in state.values():
        points = [point for point, _value in run["h"]] if "h" in run else [*run["p"], *filter(None, [run["b"]])]
        if any(_digest(point) not in own for point in points):
            return False
    return bool(state)


def _digest(point: str) -> str:
    return point.split(".")[4]


def progress(batch: ImportBatch) -> dict[str, Any]:
    """What the page tells while a file is applied: rows stored, chunks applied and waiting."""
    waiting = RawMessage.objects.filter(batch=batch, state=RawMessage.State.STORED).count()
    return {"done": batch.done_rows, "waiting": waiting, "ended": batch.state not in _OPEN}
