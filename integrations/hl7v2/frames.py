"""MLLP: a stream of bytes cut into frames, 0x0B … 0x1C 0x0D. Pure; what one connection has received so far.

The cuts depend on the bytes alone, never on how the network divided them (a property test holds it to that).
"""

import hashlib
from dataclasses import dataclass
from typing import Protocol

from integrations.hl7v2.message import MAX_BYTES

VT, FS, CR = 0x0B, 0x1C, 0x0D
HEAD_BYTES = 64 * 1024  # of a frame that is too large: enough for its MSH, which the answer echoes
STRAY_LIMIT = 64 * 1024  # bytes outside a frame in a row; more is no HL7 sender
_QUIET = b"\r\n\x1c \t"  # between frames: no stray byte, only a sloppy line end
_VERBS = (b"GET ", b"POST", b"PUT ", b"HEAD", b"OPTI", b"DELE", b"PATC", b"CONN", b"TRAC", b"PRI ")


@dataclass(frozen=True)
class Frame:
    """One frame's content. Of one that is too large only the head, with the size and hash of all of it."""

    data: bytes
    size: int
    digest: str = ""  # SHA-256 of the content; set only where it is too large to keep

    @property
    def too_large(self) -> bool:
        """More than a message may have."""
        return self.size > MAX_BYTES


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


class FrameSplitter:
    """Cuts what one connection receives into frames.

    `stray` counts bytes that belonged to none. `problem`: this is no HL7 sender and never will be; what it looks like
    (http_request, tls_hello, unframed). Nothing more is read then.
    """

    def __init__(self) -> None:
        self.stray = 0
        self.problem = ""
        self._begun = False  # a frame has begun at some time
        self._outside = bytearray()  # the first bytes since the last frame, to tell HTTP and TLS
        self._run = 0  # stray bytes since the last frame
        self._inside: bytearray | None = None  # the content of the open frame
        self._ended = False  # the last byte was FS: the next one tells whether it was the end
        self._dropped = 0  # bytes of an open frame that is too large and were not kept
        self._hash: _Hash | None = None

    @property
    def half(self) -> bool:
        """A frame, or at first something unframed, has begun and has not ended."""
        return self._inside is not None or (self._run > 0 and not self._begun)

    def feed(self, chunk: bytes) -> list[Frame]:
        """Add what was received; returns the frames that it completed."""
        frames: list[Frame] = []
        at = 0
        while at < len(chunk) and not self.problem:
            if self._inside is None:
                at = self._skip(chunk, at)
            elif self._ended:
                at = self._after_end_mark(chunk, at, frames)
            else:
                at = self._take(chunk, at)
        return frames

    def _skip(self, chunk: bytes, at: int) -> int:
        """Pass over what stands between frames; a VT opens one."""
        start = chunk.find(VT, at)
        between = chunk[at:] if start < 0 else chunk[at:start]
        told = len(between) - sum(between.count(byte) for byte in _QUIET)
        self.stray += told
        self._run += told
        self._outside += (between if self._outside else between.lstrip(_QUIET))[: 8 - len(self._outside)]
        if self._outside.startswith(_VERBS):
            self.problem = "http_request"
        elif self._outside.startswith(b"\x16\x03"):
            self.problem = "tls_hello"
        elif self._run > STRAY_LIMIT:
            self.problem = "unframed"
        if start < 0:
            return len(chunk)
        self._open()
        return start + 1

    def _take(self, chunk: bytes, at: int) -> int:
        """Content up to the next mark."""
        end, again = chunk.find(FS, at), chunk.find(VT, at)
        stop = min((mark for mark in (end, again) if mark >= 0), default=len(chunk))
        self._keep(chunk[at:stop])
        if stop == len(chunk):
            return stop
        if chunk[stop] == FS:
            self._ended = True
        else:  # a second VT: what came before it was cut off
            self._restart()
        return stop + 1

    def _after_end_mark(self, chunk: bytes, at: int, frames: list[Frame]) -> int:
        """After FS: CR ends the frame, and so does the next frame's VT; anything else makes FS content."""
        self._ended = False
        if chunk[at] in (CR, VT):
            frames.append(self._close())
            if chunk[at] == VT:
                self._open()
            return at + 1
        self._keep(bytes([FS]))
        if chunk[at] == FS:
            self._ended = True
            return at + 1
        return at

    def _open(self) -> None:
        self._inside, self._dropped, self._hash, self._ended = bytearray(), 0, None, False
        self._outside.clear()
        self._run, self._begun = 0, True

    def _restart(self) -> None:
        assert self._inside is not None  # noqa: S101  (only called within a frame)
        self.stray += len(self._inside) + self._dropped
        self._open()

    def _keep(self, data: bytes) -> None:
        assert self._inside is not None  # noqa: S101  (only called within a frame)
        if self._hash is not None:
            self._hash.update(data)
            self._dropped += len(data)
            return
        self._inside += data
        if len(self._inside) > MAX_BYTES:
            self._hash = hashlib.sha256(self._inside)
            self._dropped = len(self._inside) - HEAD_BYTES
            del self._inside[HEAD_BYTES:]

    def _close(self) -> Frame:
        assert self._inside is not None  # noqa: S101  (only called within a frame)
        digest = self._hash.hexdigest() if self._hash else ""
        frame = Frame(bytes(self._inside), len(self._inside) + self._dropped, digest)
        self._inside, self._hash, self._dropped = None, None, 0
        return frame


def framed(message: bytes) -> bytes:
    """A message in its frame."""
    return b"\x0b" + message + b"\x1c\r"
