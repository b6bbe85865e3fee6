"""A file of rows as text: encoding, delimiter, quotes, header row. Nothing is interpreted; text stays text.

A file is read by streaming, several times if need be: `open_file` gives it from its beginning each time.
"""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

DELIMITERS = (",", ";", "\t", "|")
SAMPLE_ROWS = 200
HEADER_WITHIN = 12  # rows of titles that may stand above the header
MAX_CELL = 131_072  # csv's own limit: a longer cell is a quote that never closes
_END = "\x1e\x1eend of file\x1e\x1e"
_AS_TEXT = re.compile(r'="((?:[^"]|"")*)"')  # how spreadsheets are told to leave a value alone
_NUMBER = re.compile(r"[+-]?[$€£]?\d[\d.,' ]*%?")
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T].*)?")
OpenFile = Callable[[], BinaryIO]


class Broken(Exception):
    """The file cannot be read to its end as it is: a code, and a sentence that names the place."""

    def __init__(self, code: str, reason: str, rows: int = 0, sheets: Sequence[str] = ()) -> None:
        self.code, self.reason, self.rows = code, reason, rows
        self.sheets = list(sheets)  # those with rows, where one must be chosen
        super().__init__(code)


class Row(NamedTuple):
    """One row as read. `number` as a spreadsheet shows it, from 1; `flags`: what was read around."""

    number: int
    cells: list[str]
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Encoding:
    """How bytes are text. `mixed`: some lines are written in another encoding; they are row errors."""

    name: str
    bom: int = 0
    mixed: bool = False


@dataclass
class Table:
    """A file's rows under its header. `header` is None where the first row is data already."""

    read: Callable[[], Iterator[Row]]  # every row from the first, blank ones left out
    header: list[str] | None
    header_at: int  # the header's row number, 0 without one
    width: int
    encoding: str = ""
    delimiter: str = ""
    flags: list[str] = field(default_factory=list)
    epoch: int = 1900  # what day numbers count from, where a workbook says it

    def rows(self) -> Iterator[Row]:
        """The rows below the header."""
        return (row for row in self.read() if row.number > self.header_at)


def detect_encoding(open_file: OpenFile, told: str = "") -> Encoding:
    """The encoding by its mark, else by the bytes of the whole file: UTF-8, UTF-16 or cp1252, unless it was told."""
    with open_file() as file:
        start = file.read(4096)
        for mark, name in ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"),
                           (codecs.BOM_UTF16_BE, "utf-16-be")):  # fmt: skip
            if start.startswith(mark):
                file.seek(len(mark))
                mixed = name == "utf-8" and any(not _is_utf8(line) for line in file if not line.isascii())
                return Encoding(name, len(mark), mixed)
        if told:
            return Encoding(told)
        pairs = len(start) // 2
        if pairs >= 2 and start[1::2].count(0) > 0.7 * pairs:
            return Encoding("utf-16-le")
        if pairs >= 2 and start[0::2].count(0) > 0.7 * pairs:
            return Encoding("utf-16-be")
        file.seek(0)
        good = bad = 0
        for line in file:
            if not line.isascii():
                fits = _is_utf8(line)
                good, bad = good + fits, bad + (not fits)
    if not bad:
        return Encoding("utf-8")
    return Encoding("utf-8" if good >= bad else "cp1252", mixed=bool(good))


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def lines_of(open_file: OpenFile, encoding: Encoding) -> Iterator[str]:
    """The lines of a file with their ends. Bytes that are no text come as lone surrogates (row errors later)."""
    errors = "replace" if encoding.name.startswith("utf-16") else "surrogateescape"
    file = open_file()
    file.read(encoding.bom)
    with io.TextIOWrapper(file, encoding.name, errors, newline="") as text:
        for line in text:
            if encoding.mixed and encoding.name == "cp1252" and not line.isascii():
                raw = line.encode("cp1252", "surrogateescape")
                yield raw.decode("ascii", "surrogateescape") if _is_utf8(raw) else line
            else:
                yield line


def detect_delimiter(sample: Sequence[str]) -> str:
    """The delimiter under which most rows are as wide as the widest usual one; a comma for a single column."""
    best, best_score = ",", (0.0, 1)
    for delimiter in DELIMITERS:
        try:
            widths = Counter(len(row) for row in csv.reader(sample, delimiter=delimiter) if any(row))
        except csv.Error:
            continue
        wide = {width: number for width, number in widths.items() if width > 1}
        if not wide:
            continue
        width, number = max(wide.items(), key=lambda entry: (entry[1], entry[0]))
        score = (number / widths.total(), width)
        if score > best_score and (score[0] > best_score[0] + 0.1 or score[1] > best_score[1] or best_score[1] == 1):
            best, best_score = delimiter, score
    return best


def read_csv(open_file: OpenFile, encoding: Encoding, delimiter: str, skip: int = 0) -> Iterator[Row]:
    """The rows of a delimited file. Broken where a quote stays open to the end of the file."""
    nul = False

    def source() -> Iterator[str]:
        nonlocal nul
        for number, line in enumerate(lines_of(open_file, encoding)):
            if number < skip:
                continue
            if "\x00" in line:
                nul, line = True, line.replace("\x00", "")
            yield line
        yield _END

    reader = csv.reader(source(), delimiter=delimiter)
    number, began, read = 0, 0, 0
    try:
        for cells in reader:
            began, number = reader.line_num, number + 1
            if cells and cells[-1].endswith(_END):
                if cells == [_END]:
                    return
                break
            flags = ("nul_removed",) if nul else ()
            nul = False
            if any(map(str.strip, cells)):
                read += 1
                yield Row(number, [_plain(cell) for cell in cells], flags)
        raise _open_quote(open_file, encoding, delimiter, skip, read)
    except csv.Error:
        raise Broken("file_broken", f"Line {began + 1 + skip}: a quote opens here and does not close.", read) from None


def _open_quote(open_file: OpenFile, encoding: Encoding, delimiter: str, skip: int, read: int) -> Broken:
    """Name the line at which the row begins that never ends."""
    lines = (line.replace("\x00", "") for n, line in enumerate(lines_of(open_file, encoding)) if n >= skip)
    reader = csv.reader(lines, delimiter=delimiter)
    began = 0
    before = 0
    for _cells in reader:
        began, before = before, reader.line_num
    where = began + 1 + skip
    return Broken("file_broken", f"Line {where}: a quote opens here and does not close to the end of the file.", read)


def _plain(cell: str) -> str:
    if cell[:2] == '="' and (match := _AS_TEXT.fullmatch(cell)):
        return match[1].replace('""', '"')
    return cell


def csv_table(open_file: OpenFile, *, encoding: str = "", delimiter: str = "", has_header: bool | None = None) -> Table:
    """A delimited file as a table. Broken as `read_csv` says, within the first rows already."""
    _check_is_text(open_file)
    how = detect_encoding(open_file, encoding)
    sample: list[str] = []
    for line in lines_of(open_file, how):
        sample.append(line.replace("\x00", ""))
        if len(sample) >= SAMPLE_ROWS or len(line) > MAX_CELL:
            break
    skip = 0
    if sample and (match := re.fullmatch(r"sep=(.)\s*", sample[0])):
        delimiter, skip = delimiter or match[1], 1
    delimiter = delimiter or detect_delimiter(sample[skip:])

    def read() -> Iterator[Row]:
        return read_csv(open_file, how, delimiter, skip)

    table = _with_header(read, has_header)
    table.encoding, table.delimiter = how.name, delimiter
    table.flags += ["mixed_encoding"] if how.mixed else []
    return table


def _check_is_text(open_file: OpenFile) -> None:
    """Broken for a PDF, a picture and whatever else is no text: control characters among the first bytes."""
    with open_file() as file:
        start = file.read(4096)
    utf16 = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or start.count(0) > len(start) * 0.3
    controls = sum(byte < 9 or 13 < byte < 32 or byte == 127 for byte in start if byte) if not utf16 else 0
    if start.startswith((b"%PDF-", b"\x89PNG", b"\xff\xd8\xff", b"\x1f\x8b")) or controls > len(start) * 0.02 + 2:
        raise Broken("file_broken", "The file is no table of text (CSV) and no workbook.")


def _with_header(read: Callable[[], Iterator[Row]], has_header: bool | None = None) -> Table:
    """Find the header: the first row that is as wide as most and looks like names, below rows of titles."""
    sample: list[Row] = []
    with suppress(Broken):  # whoever reads on is told
        for row in read():
            sample.append(row)
            if len(sample) >= SAMPLE_ROWS:
                break
    if not sample:
        return Table(read, [], 0, 0)
    usual = Counter(_filled(row.cells) for row in sample).most_common(1)[0][0]
    first = 0
    for index, row in enumerate(sample[:HEADER_WITHIN]):
        if _filled(row.cells) * 2 > usual or usual < 3:
            first = index
            break
    found = has_header if has_header is not None else is_header(sample[first].cells, sample[first + 1 :])
    if not found:
        return Table(read, None, 0, max(len(row.cells) for row in sample))
    header = [cell.strip() for cell in sample[first].cells]
    while header and not header[-1]:
        header.pop()
    return Table(read, header, sample[first].number, len(header))


def make_table(read: Callable[[], Iterator[Row]], has_header: bool | None = None) -> Table:
    """A table over rows that come from elsewhere (a workbook's sheet)."""
    return _with_header(read, has_header)


def _filled(cells: Sequence[str]) -> int:
    return sum(bool(cell.strip()) for cell in cells)


def is_header(cells: Sequence[str], below: Iterable[Row]) -> bool:
    """True where a row's cells are names: words, none a number, date or address, not repeated as values below."""
    told = [cell.strip() for cell in cells if cell.strip()]
    if not told or any(
        "@" in cell or len(cell) > 80 or _NUMBER.fullmatch(cell) or _DATE.fullmatch(cell)
        or not re.search(r"[^\W\d_]", cell) for cell in told
    ):  # fmt: skip
        return False
    again = sum(
        bool(cell) and any(index < len(row.cells) and row.cells[index].casefold() == cell.casefold() for row in below)
        for below in [list(below)] for index, cell in enumerate(cells)
    )  # fmt: skip
    return again in (0, len(told))


def normal(name: str) -> str:
    """A column's name without case, spaces and punctuation: `First Name:` and `first_name` are the same column."""
    return re.sub(r"[\W_]+", "_", name.casefold()).strip("_")
