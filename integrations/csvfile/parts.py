"""A stored file as a stream that can seek, decrypted part by part: one megabyte in memory at a time."""

import io
from typing import Any

from integrations.models import ImportBatch, ImportPart


class PartsStream(io.RawIOBase):
    """What `open(path, "rb")` is for a path. The practice must be open while it is read."""

    def __init__(self, batch: ImportBatch) -> None:
        self.batch, self.at = batch, 0
        self.number, self.held = -1, b""
        last = ImportPart.objects.filter(batch=batch).order_by("-number").first()
        self.size = last.number * ImportPart.SIZE + len(last.open()) if last else 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """Where the next byte comes from."""
        return self.at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go there."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self.at, io.SEEK_END: self.size}[whence]
        self.at = max(start + offset, 0)
        return self.at

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer from one part; 0 at the end."""
        number, within = divmod(self.at, ImportPart.SIZE)
        if self.at >= self.size:
            return 0
        if number != self.number:
            self.held = ImportPart.objects.get(batch=self.batch, number=number).open()
            self.number = number
        some = self.held[within : within + len(buffer)]
        buffer[: len(some)] = some
        self.at += len(some)
        return len(some)
