"""XLSX and XLS through a child process with limits: a hostile workbook ends the child, never the worker.

The child (`workbook_child.py`) writes one line of JSON about the workbook and then the sheet as CSV; macros never run
(nothing is executed, cells come as the values that the spreadsheet stored).
"""

import csv
import io
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, BinaryIO, NamedTuple, cast

from integrations.csvfile.tables import Broken, OpenFile, Row

MAX_ZIPPED = 50 * 2**20
MAX_UNPACKED = 1 << 30
MAX_ROWS = 250_000


class Sheet(NamedTuple):
    """The sheet that is read: its rows each time anew, and what its day numbers count from."""

    rows: Callable[[], Iterator[Row]]
    epoch: int


def is_workbook(open_file: OpenFile) -> bool:
    """True for an archive that is a workbook of Excel's or OpenDocument's."""
    try:
        with open_file() as stream, zipfile.ZipFile(stream) as archive:
            names = set(archive.namelist())
    except zipfile.BadZipFile:
        return False
    return bool(names & {"xl/workbook.xml", "xl/workbook.bin", "[Content_Types].xml"}) or "content.xml" in names


def open_sheet(open_file: OpenFile, wanted: str = "") -> Sheet:
    """The one sheet with rows, or the one that is `wanted`. Broken: a password, no sheet, several, too large."""
    told = _describe(open_file)
    filled = [name for name, rows in told["sheets"] if rows]
    if not told["sheets"]:
        raise Broken("macros_only", "The workbook has no sheet of cells (macros or charts alone); macros never run.")
    if wanted:
        chosen = next((name for name, _rows in told["sheets"] if name.casefold() == wanted.casefold()), "")
        if not chosen:
            raise Broken(
                "mapping_needed", f"There is no sheet “{wanted}”; there are: {', '.join(filled)}.", sheets=filled
            )
    elif len(filled) > 1:
        reason = f"The workbook has {len(filled)} sheets with rows ({', '.join(filled)}); say which."
        raise Broken("mapping_needed", reason, sheets=filled)
    else:
        chosen = filled[0] if filled else told["sheets"][0][0]
    if dict(told["sheets"])[chosen] > MAX_ROWS + 1:
        raise Broken("too_large", f"The sheet has more than {MAX_ROWS:,} rows; save it as CSV.")

    def rows() -> Iterator[Row]:
        with (
            _child(open_file, chosen) as out,
            io.TextIOWrapper(cast(BinaryIO, out), "utf-8", "surrogateescape", newline="") as text,
        ):
            text.readline()
            for number, cells in enumerate(csv.reader(text), start=1):
                if any(map(str.strip, cells)):
                    yield Row(number, cells)

    return Sheet(rows, told["epoch"])


def _describe(open_file: OpenFile) -> dict[str, Any]:
    with _child(open_file, "") as pipe:
        out = pipe.read()
    try:
        told: dict[str, Any] = json.loads(out.split(b"\n", 1)[0] or b"{}")
    except ValueError:
        told = {}
    if "sheets" not in told:
        code, reason = told.get("error") or ("file_broken", "The workbook cannot be read; it may be cut off.")
        raise Broken(code, reason)
    return told


@contextmanager
def _child(open_file: OpenFile, sheet: str) -> Iterator[IO[bytes]]:
    """What a child says that gets the workbook by a pipe (nothing is written to a disk); it is gone afterwards."""
    _check_size(open_file)
    child = subprocess.Popen(  # noqa: S603  (our own module)
        [sys.executable, "-I", str(Path(__file__).with_name("workbook_child.py")), sheet],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert child.stdin is not None  # noqa: S101  (a pipe was asked for)
    assert child.stdout is not None  # noqa: S101  (a pipe was asked for)
    try:
        with suppress(BrokenPipeError):
            with open_file() as stream:
                shutil.copyfileobj(stream, child.stdin)
            child.stdin.close()
        yield child.stdout
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def _check_size(open_file: OpenFile) -> None:
    with open_file() as stream:
        size = 0
        while block := stream.read(1 << 20):
            size += len(block)
            if size > MAX_ZIPPED:
                raise Broken("too_large", "The workbook is larger than 50 MB; save it as CSV.")
    try:
        with open_file() as stream, zipfile.ZipFile(stream) as archive:
            unpacked = sum(one.file_size for one in archive.infolist())
    except zipfile.BadZipFile:
        return  # an older format, or cut off: the child says
    if unpacked > MAX_UNPACKED:
        raise Broken("too_large", "The workbook is larger than 1 GB when unpacked; save it as CSV.")
