"""One MLLP connection: frames in, one acknowledgement a message out, in the order of the messages."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from prometheus_client import Counter, Histogram

from integrations.hl7v2 import acks
from integrations.hl7v2.acks import Verdict
from integrations.hl7v2.frames import Frame, FrameSplitter, framed
from integrations.hl7v2.intake import NotStored
from integrations.hl7v2.message import Piece, canonical_bytes, split_file
from prm import clock

CHUNK = 64 * 1024
PENDING = 50  # messages of one connection that wait for their commit
LARGE = 256 * 1024  # a message of this size is stored before more is read
HALF_FRAME = 30.0  # seconds of silence within a frame; between frames a connection stays open for ever

log = logging.getLogger(__name__)

RECEIVED = Counter("prm_mllp_messages", "Messages by what their sender was told", ["answer"])
REFUSED = Counter("prm_mllp_refused", "Connections and bytes that were no message, by what they were", ["code"])
ANSWERED = Histogram(
    "prm_mllp_ack_seconds", "From the end of a frame to its acknowledgement",
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)  # fmt: skip

Pending = tuple[bytes, "asyncio.Future[Verdict]", float]  # the message, what it will be answered, when it was complete


class Connection:
    """Reads while earlier messages are being stored; stops reading where too many wait, or where `room` says so.

    `put` hands a message on to be stored; its future holds the verdict, or NotStored. `room` returns once there is
    room for more. `settings` are the feed's.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, settings: Mapping[str, Any], *,
        put: Callable[..., "asyncio.Future[Verdict]"], room: Callable[[], Any], half_frame: float,
    ) -> None:  # fmt: skip
        self.reader, self.writer, self.settings = reader, writer, settings
        self.put, self.room, self.half_frame = put, room, half_frame
        self.splitter = FrameSplitter()
        self.pending: asyncio.Queue[Pending | None] = asyncio.Queue(PENDING)
        self.reading: asyncio.Task[None] | None = None

    async def serve(self) -> None:
        """Until the sender goes, or sends what is no HL7, or a message could not be stored."""
        self.reading = reading = asyncio.create_task(self._read())
        answering = asyncio.create_task(self._answer())
        try:
            await asyncio.wait({reading, answering}, return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():  # what was complete is stored and answered, whatever came after it
                ending = asyncio.create_task(self.pending.put(None))
                await asyncio.wait({answering})
                ending.cancel()
        finally:
            for task in (reading, answering):
                task.cancel()
            for problem in await asyncio.gather(reading, answering, return_exceptions=True):
                if isinstance(problem, Exception):
                    log.error("mllp.connection_failed", exc_info=problem)

    def stop(self) -> None:
        """Read nothing more; answer what was complete, then end."""
        if self.reading is not None:
            self.reading.cancel()

    async def _read(self) -> None:
        stray = 0
        try:
            while True:
                await self.room()
                limit = self.half_frame if self.splitter.half else None
                chunk = await asyncio.wait_for(self.reader.read(CHUNK), limit)
                if not chunk:
                    if self.splitter.half:
                        REFUSED.labels("truncated").inc()
                    break
                frames = self.splitter.feed(chunk)
                REFUSED.labels("stray_bytes").inc(self.splitter.stray - stray)
                stray = self.splitter.stray
                for frame in frames:
                    await self._take(frame)
                if self.splitter.problem:
                    REFUSED.labels(self.splitter.problem).inc()
                    break
        except TimeoutError:
            REFUSED.labels("half_frame").inc()
        except OSError:
            REFUSED.labels("reset").inc()

    async def _take(self, frame: Frame) -> None:
        """Queue what one frame holds: usually a message; of a batch each message, answered one by one."""
        begun = time.monotonic()
        if frame.too_large:
            piece = Piece(frame.data)
            await self._wait(frame.data, self.put(piece, size=frame.size, digest=frame.digest), begun)
            return
        for piece in _pieces(frame.data):
            refused = piece.refusal
            if refused is not None and refused.outcome == "rejected":
                verdict = Verdict("AR", refused)
            elif refused is not None:  # a broken batch: kept as a dead letter
                verdict = acks.ACCEPTED
            else:
                verdict = acks.judge(piece.data, self.settings)
            answer: asyncio.Future[Verdict]
            if verdict.code == "AR":
                answer = asyncio.get_running_loop().create_future()
                answer.set_result(verdict)
            else:
                answer = self.put(piece)
            await self._wait(piece.data, answer, begun)

    async def _wait(self, data: bytes, answer: "asyncio.Future[Verdict]", begun: float) -> None:
        await self.pending.put((data, answer, begun))
        if len(data) > LARGE:
            await asyncio.wait({answer})

    async def _answer(self) -> None:
        while (one := await self.pending.get()) is not None:
            data, answer, begun = one
            try:
                verdict = await answer
            except NotStored:
                RECEIVED.labels("none").inc()
                return
            for message in acks.answers(data, verdict, now=clock.now()):
                self.writer.write(framed(message))
            RECEIVED.labels(verdict.code).inc()
            with contextlib.suppress(OSError):  # he hung up: it is stored all the same
                await self.writer.drain()
            ANSWERED.observe(time.monotonic() - begun)


def _pieces(content: bytes) -> list[Piece]:
    """The messages within a frame: one, as it came; or those of a batch."""
    found = split_file(content)
    if len(found) == 1 and found[0].refusal is None and canonical_bytes(found[0].data) == canonical_bytes(content):
        return [Piece(content, found[0].flags)]
    return found
