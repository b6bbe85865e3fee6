"""The child that reads a workbook: `python workbook_child.py [SHEET] < FILE`. Imports nothing of the product.

Standard output: one line of JSON, `{"sheets": [[name, rows], …], "epoch": 1900}` or `{"error": [code, sentence]}`; with
SHEET its rows as CSV below. Dates are ISO, whole numbers without a point, errors of a formula empty.
"""

import csv
import io
import json
import re
import resource
import sys
import zipfile
from datetime import date, datetime, time, timedelta
from typing import Any

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

LIMIT_BYTES = 3 * 2**30
LIMIT_SECONDS = 200
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")  # the stream that a password makes of an XLSX
BROKEN = ["file_broken", "The workbook cannot be read; it may be cut off."]


def text_of(value: Any) -> str:
    """A cell as text, the way the file's reader expects it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "seconds")
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    return str(value).replace("\x00", "")


def epoch_of(raw: bytes) -> int:
    """1904 where the workbook says that its day numbers count from then."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            told = archive.read("xl/workbook.xml")[:1_000_000]
    except (zipfile.BadZipFile, KeyError, OSError):
        return 1900
    return 1904 if re.search(rb"date1904\s*=\s*[\"'](1|true)", told) else 1900


def main(sheet: str) -> None:
    """Describe the workbook; with a sheet, write its rows too."""
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT_BYTES, LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (LIMIT_SECONDS, LIMIT_SECONDS))
    out = io.TextIOWrapper(sys.stdout.buffer, "utf-8", "surrogateescape", newline="")
    raw = sys.stdin.buffer.read()
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(raw))
        sheets = sheets_of(workbook, counted=not sheet)
        rows = workbook.get_sheet_by_name(sheet) if sheet else None
    except (CalamineError, ValueError, OSError, MemoryError) as problem:
        locked = isinstance(problem, PasswordError) or ENCRYPTED in raw
        told = ["password", "The workbook has a password; save it without one."] if locked else BROKEN
        out.write(json.dumps({"error": told}) + "\n")
    else:
        out.write(json.dumps({"sheets": sheets, "epoch": epoch_of(raw)}) + "\n")
        if rows is not None:
            write_rows(rows, out)
    out.flush()


def sheets_of(workbook: CalamineWorkbook, *, counted: bool) -> list[list[Any]]:
    """[name, rows] of the visible sheets of cells; the rows are 0 where nobody asks for them."""
    names = [
        one.name for one in workbook.sheets_metadata
        if one.typ == SheetTypeEnum.WorkSheet and one.visible == SheetVisibleEnum.Visible
    ]  # fmt: skip
    return [[name, workbook.get_sheet_by_name(name).total_height if counted else 0] for name in names]


def write_rows(sheet: CalamineSheet, out: io.TextIOWrapper) -> None:
    """The rows as CSV, empty ones above the first included, so that numbers are those that the sheet shows."""
    write = csv.writer(out, lineterminator="\r\n").writerow
    for row in sheet.iter_rows():
        write([text_of(value) for value in row])


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
