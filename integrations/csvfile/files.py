"""Which kind of file it is, by its first bytes: delimited text, a workbook, or an archive of such files."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, BinaryIO, NamedTuple

from integrations.csvfile import workbook
from integrations.csvfile.tables import Broken, OpenFile, Table, csv_table, make_table

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ZIP = b"PK\x03\x04"
MAX_MEMBERS = 100
MAX_UNPACKED = 1 << 30


class File(NamedTuple):
    """One file of rows: how it is called to people, and how it is opened from its beginning."""

    name: str
    open: OpenFile


def members(file: File) -> Iterator[File]:
    """The files within: itself, or those of an archive (one level, at most 100, no folders). Broken for others."""
    with file.open() as stream:
        start = stream.read(8)
    if not start.startswith(ZIP) or workbook.is_workbook(file.open):
        yield file
        return
    try:
        with file.open() as stream, zipfile.ZipFile(stream) as archive:
            infos = [one for one in archive.infolist() if not one.is_dir()]
    except zipfile.BadZipFile:
        raise Broken("file_broken", "The archive cannot be read; it may be cut off.") from None
    _check_archive(infos)
    for info in infos:
        yield File(f"{file.name}/{info.filename}", _opener(file.open, info.filename))


def _check_archive(infos: list[zipfile.ZipInfo]) -> None:
    if not infos:
        raise Broken("archive_refused", "The archive is empty.")
    if len(infos) > MAX_MEMBERS:
        raise Broken("archive_refused", f"The archive has {len(infos)} files; at most {MAX_MEMBERS} are taken.")
    if any(len(PurePosixPath(one.filename.replace("\\", "/")).parts) != 1 or one.filename in {".", ".."}
           for one in infos):  # fmt: skip
        raise Broken("archive_refused", "The archive has folders; expected files alone.")
    if any(one.flag_bits & 1 for one in infos):
        raise Broken("archive_refused", "The archive has a password; expected one without.")
    if sum(one.file_size for one in infos) > MAX_UNPACKED:
        raise Broken("archive_refused", "The archive is larger than 1 GB when unpacked.")
    if any(one.filename.lower().endswith(".zip") for one in infos):
        raise Broken("archive_refused", "The archive has an archive inside; expected one level.")


class _Member(io.RawIOBase):
    """One file of an archive; closing it closes the archive too."""

    def __init__(self, open_file: OpenFile, name: str) -> None:
        self.outer = open_file()
        self.archive = zipfile.ZipFile(self.outer)
        self.inner = self.archive.open(name)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self.inner.seek(offset, whence)

    def tell(self) -> int:
        return self.inner.tell()

    def readinto(self, buffer: Any) -> int:
        some = self.inner.read(len(buffer))
        buffer[: len(some)] = some
        return len(some)

    def close(self) -> None:
        if not self.closed:
            self.inner.close()
            self.archive.close()
            self.outer.close()
        super().close()


def _opener(open_file: OpenFile, name: str) -> OpenFile:
    def opened() -> BinaryIO:
        return io.BufferedReader(_Member(open_file, name))

    return opened


def table_of(file: File, settings: dict[str, Any], *, has_header: bool | None = None) -> Table:
    """The rows of a file, or of the sheet that the settings name. Broken for what holds none, or several sheets."""
    with file.open() as stream:
        start = stream.read(8)
    if start.startswith((OLE, ZIP)):
        sheet = workbook.open_sheet(file.open, settings.get("sheet", ""))
        table = make_table(sheet.rows, has_header)
        table.epoch = sheet.epoch
        return table
    return csv_table(
        file.open, encoding=settings.get("encoding", ""), delimiter=settings.get("delimiter", ""), has_header=has_header
    )
