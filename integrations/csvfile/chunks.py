"""A chunk of rows as one raw message: a line of JSON that says how to read them, then the rows as CSV. Pure.

A chunk is complete in itself (header, mapping, extract time), so that reading it again gives the same facts whatever
was changed at the feed since.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from integrations.csvfile.mapping import FileMapping
from integrations.csvfile.tables import Row
from integrations.hl7v2.message import Piece

ROWS = 5_000
KIND = "csv.chunk"
_VOLATILE = ("extract", "file")  # not part of what makes two chunks the same message


@dataclass(frozen=True)
class Chunk:
    """What a chunk says: its head, and its rows with the numbers that they have in the file."""

    mapping: FileMapping
    header: list[str]
    extract: datetime  # aware; orders rows without a time of their own
    rows: list[Row]


class NoChunk(ValueError):
    """The bytes are no chunk."""


def pack(
    rows: Sequence[Row], mapping: FileMapping, header: Sequence[str], *, extract: datetime, file: str, salt: str = ""
) -> bytes:
    """The bytes of a chunk. `salt` tells apart the same rows sent again after others were."""
    head = {
        "prm": KIND, "v": 1, "mapping": mapping.json(), "header": list(header), "salt": salt, "file": file,
        "extract": extract.astimezone(UTC).isoformat(),
    }  # fmt: skip
    out = io.StringIO()
    out.write(json.dumps(head, ensure_ascii=True, separators=(",", ":")) + "\n")
    write = csv.writer(out, lineterminator="\r\n").writerow
    for row in rows:
        write([row.number, " ".join(row.flags), *row.cells])
    return out.getvalue().encode("utf-8", "surrogateescape")


def unpack(raw: bytes) -> Chunk:
    """Read `pack()` again. NoChunk for anything else."""
    text = raw.decode("utf-8", "surrogateescape")
    head, body = _head(text)
    rows = [
        Row(int(cells[0]), cells[2:], tuple(filter(None, cells[1].split(" "))))
        for cells in csv.reader(io.StringIO(body, newline="")) if cells
    ]  # fmt: skip
    extract = datetime.fromisoformat(head["extract"])
    return Chunk(FileMapping.from_json(head["mapping"]), list(head["header"]), extract, rows)


def _head(text: str) -> tuple[dict[str, Any], str]:
    line, _end, body = text.partition("\n")
    try:
        head = json.loads(line)
    except ValueError:
        raise NoChunk from None
    if not isinstance(head, dict) or head.get("prm") != KIND:
        raise NoChunk
    return head, body


def canonical_bytes(raw: bytes) -> bytes:
    """The bytes that identify a chunk: without the file's name and the time of the extract."""
    try:
        head, body = _head(raw.decode("utf-8", "surrogateescape"))
    except NoChunk:
        return raw
    kept = {name: value for name, value in head.items() if name not in _VOLATILE}
    return f"{json.dumps(kept, sort_keys=True)}\n{body}".encode("utf-8", "surrogateescape")


def split_file(raw: bytes) -> list[Piece]:
    """A chunk is one message. A file of rows becomes chunks by `intake`, which knows the mapping."""
    return [Piece(raw)]


def chunked(rows: Iterable[Row], size: int = 0) -> Iterator[list[Row]]:
    """Rows in lists of at most `size` (ROWS), in their order."""
    size = size or ROWS
    some: list[Row] = []
    for row in rows:
        some.append(row)
        if len(some) >= size:
            yield some
            some = []
    if some:
        yield some
