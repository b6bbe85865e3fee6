"""A chunk of rows to facts. Pure: no database, no clock. A bad row never stops the rest."""

import hashlib
from collections.abc import Iterator

from integrations.context import Context
from integrations.csvfile import chunks, undo_message
from integrations.csvfile.cells import Layout
from integrations.csvfile.statements import Bookings, RowRead, read_row
from integrations.facts import CLOSING, Parsed

PARSER_VERSION = 1


def rows_of(raw: bytes, context: Context) -> Iterator[RowRead]:
    """What each row of a chunk says. NoChunk for other bytes."""
    chunk = chunks.unpack(raw)
    digest = hashlib.sha256(chunks.canonical_bytes(raw)).hexdigest()[:16]
    layout = Layout(chunk.header, chunk.mapping)
    extract = min(chunk.extract, context.received_at)
    for row in chunk.rows:
        read = read_row(layout, row.number, row.cells, context, extract=extract, digest=digest)
        read.flags = [*row.flags, *read.flags]
        yield read


def parse(raw: bytes, context: Context) -> Parsed:
    """The facts of a chunk, or of an undo of one; dead where no row of it can be used. Never raises for any bytes."""
    if undo_message.is_undo(raw):
        return undo_message.parse(raw)
    parsed = Parsed(kind=chunks.KIND)
    bad = 0
    try:
        chunk = chunks.unpack(raw)
        parsed.source_ts = min(chunk.extract, context.received_at)
        bookings = Bookings(chunk.mapping)
        for read in rows_of(raw, context):
            if read.problem is not None:
                bad += 1
                continue
            parsed.facts += read.facts
            for flag in read.flags:
                parsed.flag(flag)
            bookings.add(read)
            parsed.closings |= {fact.key: read.number for fact in read.facts if fact.entity == CLOSING}
        parsed.facts += bookings.retired()
    except (chunks.NoChunk, ValueError, KeyError, TypeError):
        parsed.facts.clear()
        parsed.outcome, parsed.code = "dead", "not_a_chunk"
        parsed.reason = "The bytes are no rows that this product stored."
        return parsed
    if bad:
        parsed.flag("bad_rows")
    if not parsed.facts:
        parsed.outcome, parsed.code, parsed.reason = "dead", "rows_unreadable", f"None of its {bad} rows can be used."
    return parsed
