"""Files of rows into a feed: judged whole, then stored and applied chunk by chunk, or held for a person.

One batch a file. Chunks are durable before they are applied; a run that was killed goes on where it ended, since a
chunk that was stored before is a duplicate.
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO

from accounts.models import Practice, User
from integrations import play, receive
from integrations.apply import REASONS, context_of
from integrations.context import Context
from integrations.csvfile import chunks
from integrations.csvfile.files import File, members, table_of
from integrations.csvfile.judging import Verdict, judge_table, nameless
from integrations.csvfile.mapping import FileMapping
from integrations.csvfile.parse import rows_of
from integrations.csvfile.parts import PartsStream
from integrations.csvfile.statements import RowRead
from integrations.csvfile.tables import Broken, Table
from integrations.facts import PATIENT
from integrations.hl7v2.message import Piece
from integrations.kinds import KINDS
from integrations.models import Feed, ImportBatch, ImportPart, RawMessage, RowError, SourceRecord
from integrations.receive import Outcome
from prm.tenancy import use_practice

HOLDING = {"no_rows": ImportBatch.State.DONE}  # what ends there; everything else waits for a person
REFUSED = frozenset({"password", "macros_only", "too_large", "archive_refused"})  # nothing to hold: said why


@dataclass
class FileOutcome(Outcome):
    """What became of a whole file: one that is held, refused or without rows."""

    rows: int = 0
    preview: list[list[str]] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)

    def json(self) -> dict[str, Any]:
        """As `manage.py ingest --json` prints it."""
        return {**super().json(), "rows": self.rows, "columns": self.columns, "preview": self.preview}


def judge(
    feed: Feed, file: File, *, now: datetime, mapping: FileMapping | None = None
) -> tuple[Verdict, Table | None]:  # fmt: skip
    """Judge one file by what the feed knows, or by a person's `mapping`. The practice must be open."""
    context = context_of(feed, received_at=now)
    settings = dict(context.settings)
    if mapping is not None and mapping.sheet:
        settings["sheet"] = mapping.sheet
    try:
        table = table_of(file, settings)
    except Broken as broken:
        verdict = Verdict(rows=broken.rows)
        if broken.sheets:
            verdict = judge_table(table_of(file, settings | {"sheet": broken.sheets[0]}), context, feed.preset)
            verdict.sheets = broken.sheets
        return verdict.hold(broken.code, broken.reason), None
    return judge_table(table, context, feed.preset, mapping=mapping), table


def ingest_file(
    practice: Practice, feed: Feed, file: File, *, now: datetime, extract: datetime, dry_run: bool = False,
    by: User | None = None,
) -> Iterator[Outcome]:  # fmt: skip
    """Take in a file (an archive: each of its files): one outcome a row, or one for a file that cannot be applied."""
    try:
        found = list(members(file))
    except Broken as broken:
        yield FileOutcome(file.name, _outcome(broken.code), broken.code, broken.reason)
        return
    for one in found:
        with use_practice(practice.pk):
            verdict, table = judge(feed, one, now=now)
        if verdict.code or table is None:
            if not dry_run:
                with use_practice(practice.pk):
                    hold(feed, one, verdict, now=now, extract=extract, by=by)
            yield held_outcome(one.name, verdict)
        elif dry_run:
            yield from _tried(practice, feed, one.name, table, verdict, now)
        else:
            yield from _apply(practice, feed, one.name, table, verdict, now=now, extract=extract, by=by)


def _outcome(code: str) -> str:
    if code == "no_rows":
        return "ignored"
    return "rejected" if code in REFUSED else "dead"


def held_outcome(name: str, verdict: Verdict) -> FileOutcome:
    """The one line of a file that is not applied."""
    return FileOutcome(
        name, _outcome(verdict.code), verdict.code, verdict.reason, flags=list(verdict.flags), rows=verdict.rows,
        preview=verdict.preview, columns=[one.encode("utf-8", "replace").decode() for one in verdict.header or []],
    )  # fmt: skip


def hold(
    feed: Feed, file: File, verdict: Verdict, *, now: datetime, extract: datetime, by: User | None = None
) -> ImportBatch:
    """Keep a file that a person must look at, with its bytes; one without rows or refused is noted alone."""
    kept = verdict.code not in HOLDING and verdict.code not in REFUSED
    batch = ImportBatch.objects.create(
        feed=feed, name=short(file.name), created_at=now, started_by=by, extract_at=extract, rows=verdict.rows,
        state=ImportBatch.State.HELD if kept else ImportBatch.State.DONE, finished_at=None if kept else now,
        code=verdict.code, reason=plain_reason(verdict), fingerprint=verdict.fingerprint, digest=verdict.digest,
        bad_rows=verdict.bad,
    )  # fmt: skip
    if kept:
        keep_bytes(batch, file)
    return batch


def plain_reason(verdict: Verdict) -> str:
    """The reason without what a cell showed."""
    return verdict.reason.partition(" First: ")[0][:300]


def short(name: str) -> str:
    """A file's name as a batch keeps it: its end."""
    return name if len(name) <= 160 else f"…{name[-159:]}"


def keep_bytes(batch: ImportBatch, file: File) -> None:
    """Store a file's bytes in parts, encrypted."""
    with file.open() as stream:
        number = 0
        while raw := stream.read(ImportPart.SIZE):
            part = ImportPart(practice_id=batch.practice_id, batch=batch, number=number)
            part.seal(raw)
            part.save(force_insert=True)
            number += 1


def _tried(
    practice: Practice, feed: Feed, name: str, table: Table, verdict: Verdict, now: datetime
) -> Iterator[Outcome]:
    """One outcome a row as it would be; nothing is stored."""
    assert verdict.mapping is not None  # noqa: S101  (it is applied)
    with use_practice(practice.pk):
        context = context_of(feed, received_at=now)
    for rows in chunks.chunked(table.rows()):
        raw = chunks.pack(rows, verdict.mapping, table.header or [], extract=now, file=name)
        for read in rows_of(raw, context):
            yield _row_outcome(name, read, "applied", verdict)


def _row_outcome(name: str, read: RowRead, state: str, verdict: Verdict) -> Outcome:
    ref = f"{name}#{read.number}"
    flags = [*read.flags, *(["repeated_id"] if read.number in verdict.repeated else [])]
    if read.problem is not None:
        return Outcome(ref, "dead", read.problem.code, read.problem.sentence(), flags=flags)
    return Outcome(ref, state, entities=read.entities, flags=flags)


def start(
    feed: Feed, name: str, verdict: Verdict, *, now: datetime, extract: datetime, by: User | None = None
) -> ImportBatch:
    """The batch of a file that will be applied, with its rows to fix. The practice must be open."""
    assert verdict.mapping is not None  # noqa: S101  (it is applied)
    killed = ImportBatch.objects.filter(feed=feed, digest=verdict.digest, state="running", parts=None)
    killed.update(state=ImportBatch.State.CANCELLED, finished_at=now)  # this run goes on where that one ended
    batch = ImportBatch.objects.create(
        feed=feed, name=short(name), created_at=now, started_by=by, extract_at=extract, total=verdict.rows,
        state=ImportBatch.State.RUNNING, fingerprint=verdict.fingerprint, digest=verdict.digest, rows=verdict.rows,
        bad_rows=verdict.bad, mapping=verdict.mapping.json(),
    )  # fmt: skip
    keep_problems(batch, verdict)
    return batch


def keep_problems(batch: ImportBatch, verdict: Verdict) -> None:
    """Write the bad rows of a file, those known before gone."""
    RowError.objects.filter(batch=batch).delete()
    rows = []
    for problem in verdict.problems:
        row = RowError(
            practice_id=batch.practice_id, batch=batch, row=problem.row, column=problem.column[:80], code=problem.code,
            expected=problem.expected[:160],
        )  # fmt: skip
        row.seal(problem.seen)
        rows.append(row)
    RowError.objects.bulk_create(rows, batch_size=1000)


def salt_for(
    feed: Feed, layout: str, digest: str, extract: datetime, but: ImportBatch | None = None
) -> str:  # fmt: skip
    """Tells rows apart from the same rows sent before, where others of this `layout` (fingerprint) came in between.

    Without a time in the rows, a file that returns to an older content is newer news; sent twice running it is not.
    """
    earlier = ImportBatch.objects.filter(feed=feed, fingerprint=layout, state__in=["done", "running"])
    if but is not None:
        earlier = earlier.exclude(pk=but.pk)
    last = earlier.order_by("-created_at", "-pk").first()
    if last is not None and last.digest == digest:
        return str(last.mapping.get("salt", ""))
    return extract.isoformat() if earlier.filter(digest=digest).exists() else ""


def named_table(feed: Feed, file: File, mapping: FileMapping) -> Table:
    """The rows of a file that was judged, under the header that its mapping knows."""
    settings = {**KINDS[feed.kind].settings(feed.preset, feed.settings), "encoding": feed.settings.get("encoding", "")}
    table = table_of(file, settings | ({"sheet": mapping.sheet} if mapping.sheet else {}))
    if table.header is None:
        table.header = nameless(table.width)
    return table


def _apply(
    practice: Practice, feed: Feed, name: str, table: Table, verdict: Verdict, *, now: datetime, extract: datetime,
    by: User | None,
) -> Iterator[Outcome]:  # fmt: skip
    with use_practice(practice.pk):
        salt = salt_for(feed, verdict.fingerprint, verdict.digest, extract)
        if ImportBatch.objects.filter(feed=feed, digest=verdict.digest, state="undone").exists():
            extract, salt = now, now.isoformat()
        batch = start(feed, name, verdict, now=now, extract=extract, by=by)
        context = context_of(feed, received_at=now)
    for raw, message, outcome in _store(practice, feed, batch, table, verdict, now=now, extract=extract, salt=salt):
        play.drain(practice, feed, now=now)
        with use_practice(practice.pk):
            yield from _told(batch, name, raw, message, outcome, verdict, context)
    with use_practice(practice.pk):
        batch.mapping = {**batch.mapping, "salt": salt}
        batch.state, batch.finished_at, batch.done_rows = ImportBatch.State.DONE, now, verdict.rows
        batch.save(update_fields=["mapping", "state", "finished_at", "done_rows"])


def _store(
    practice: Practice, feed: Feed, batch: ImportBatch, table: Table, verdict: Verdict, *, now: datetime,
    extract: datetime, salt: str,
) -> Iterator[tuple[bytes, RawMessage | None, str]]:  # fmt: skip
    """Store chunk by chunk: its bytes, its message, and whether it is `stored` or a `duplicate`."""
    assert verdict.mapping is not None  # noqa: S101  (it is applied)
    for number, rows in enumerate(chunks.chunked(table.rows()), start=1):
        raw = chunks.pack(rows, verdict.mapping, table.header or [], extract=extract, file=batch.name, salt=salt)
        with use_practice(practice.pk):
            (outcome,) = receive.store(feed, [(f"{batch.name}#{number}", Piece(raw))], now=now, batch=batch)
            batch.done_rows += len(rows)
            batch.save(update_fields=["done_rows"])
        yield raw, outcome.message, outcome.outcome


def _told(
    batch: ImportBatch, name: str, raw: bytes, message: RawMessage | None, outcome: str, verdict: Verdict,
    context: Context,
) -> Iterator[Outcome]:  # fmt: skip
    """What became of the rows of one chunk."""
    state = outcome
    if message is not None and outcome == "stored":
        message.refresh_from_db()
        state = str(message.state)
    reads = list(rows_of(raw, context))
    missing = _unknown_patients(batch.feed, reads)
    placed = dict(RowError.objects.filter(batch=batch, code__in=REASONS, row__in=[read.number for read in reads])
                  .values_list("row", "code")) if "stored" in outcome else {}  # fmt: skip
    for read in reads:
        told = _row_outcome(name, read, state, verdict)
        if told.outcome == "dead" and read.problem is None and message is not None:
            told.code, told.reason = message.code, message.reason
        elif state == "applied" and read.problem is None:
            code = placed.get(read.number, "") or ("waiting" if read.patient in missing else "")
            if code:
                told.outcome, told.code, told.reason = "dead", code, REASONS[code]
        yield told


def _unknown_patients(feed: Feed, reads: Sequence[RowRead]) -> set[str]:
    """Patients' keys that rows name and that nothing has brought yet."""
    named = {read.patient for read in reads} - {""}
    there = SourceRecord.objects.filter(feed=feed, entity=PATIENT, key__in=named).values_list("key", flat=True)
    return named - set(there)


def file_of(batch: ImportBatch) -> File:
    """The stored bytes of a batch as a file. The practice must be open while it is read."""

    def opened() -> BinaryIO:
        return io.BufferedReader(PartsStream(batch))

    return File(batch.name, opened)
