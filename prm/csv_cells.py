"""CSV that a spreadsheet opens as text: the one way in which the product writes CSV (security.md §3, test B6)."""

import csv
from collections.abc import Iterable, Sequence
from io import StringIO

DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")  # a spreadsheet reads what begins so as a formula


def cell(value: object) -> str:
    """The text of one cell: None is empty; what a spreadsheet would run gets a leading apostrophe.

    A number that is negative gets one too: it is text to whoever opens the file, and no cell is a special case.
    """
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(DANGEROUS) else text


def document(head: Sequence[str], rows: Iterable[Iterable[object]], *, mark: bool = True) -> str:
    """A whole file with its head: RFC 4180, CRLF, every cell by `cell`. `mark`: a byte order mark first, for Excel."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([cell(name) for name in head])
    writer.writerows([cell(value) for value in row] for row in rows)
    return ("\ufeff" if mark else "") + out.getvalue()
