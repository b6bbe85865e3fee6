"""The MLLP listener: one process, asyncio. A message is acknowledged after its commit, never before.

Messages of one practice that arrive while a commit runs wait and go into the next one together, so no timer is needed
(integrations.md §4). Where a commit fails nothing is answered and the connection ends: the sender keeps the message.
"""

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

from django.db import Error as DatabaseDown
from django.db import close_old_connections
from kombu.exceptions import OperationalError
from prometheus_client import Gauge

from integrations import pressure, tasks
from integrations.hl7v2 import doors, intake
from integrations.hl7v2.acks import Verdict
from integrations.hl7v2.connection import CHUNK, HALF_FRAME, REFUSED, Connection
from integrations.hl7v2.doors import Door
from integrations.hl7v2.intake import Arrival, NotStored
from integrations.hl7v2.message import Piece

GROUP = 200  # messages in one commit
GROUP_BYTES = 16 * 2**20
CONNECTIONS = 100  # at once, of one feed
REFRESH = 5.0  # seconds between two looks at the feeds
RING_EVERY = 0.5  # seconds between two rings for the worker
LAST_ANSWERS = 20.0  # seconds for what is being stored when the process is told to stop
log = logging.getLogger(__name__)

OPEN = Gauge("prm_mllp_connections", "Open MLLP connections")

Waiting = tuple[Arrival, "asyncio.Future[Verdict]"]
Store = Callable[[UUID, Sequence[Arrival]], "list[Verdict | NotStored]"]


@dataclass(frozen=True)
class Setup:
    """Where the listener listens. Without certificate and key (PEM files) there is no TLS; `tls_port` 0: no shared one.

    A feed's own port is opened beside it; the shared one tells feeds apart by the certificate that a client shows.
    """

    host: str = "127.0.0.1"
    tls_port: int = 0
    certificate: str = ""
    key: str = ""
    refresh: float = REFRESH

    def context(self, *, asks: bool) -> ssl.SSLContext | None:
        """The TLS of a port; `asks`: clients must show a certificate, and only feeds' own are trusted."""
        if not self.certificate:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.certificate, self.key or None)
        if asks:
            context.verify_mode = ssl.CERT_REQUIRED
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # a feed's certificate is trusted as it is
        return context


@dataclass
class Lane:
    """What waits to be stored of one practice."""

    waiting: list[Waiting] = field(default_factory=list)
    storing: asyncio.Task[None] | None = None

    def next_group(self) -> list[Waiting]:
        """Take out what the next commit holds: whatever waits, up to 200 messages and 16 MB."""
        size = number = 0
        for arrival, _answer in self.waiting[:GROUP]:
            size += len(arrival.piece.data)
            if number and size > GROUP_BYTES:
                break
            number += 1
        group, self.waiting = self.waiting[:number], self.waiting[number:]
        return group


class Listener:
    """The ports, the connections, and one lane of commits a practice."""

    def __init__(self, setup: Setup, *, store: Store = intake.store) -> None:
        self.setup, self.store = setup, store
        self.doors: dict[UUID, Door] = {}  # by feed
        self.full: set[UUID] = set()  # practices whose backlog is too long: their sockets are not read
        self.servers: dict[tuple[int, bool], asyncio.Server] = {}  # by port, and whether it asks for a certificate
        self.connections: dict[asyncio.Task[Any], tuple[Door, Connection]] = {}
        self.lanes: dict[UUID, Lane] = {}
        self.to_ring: set[tuple[UUID, UUID]] = set()
        self.pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="mllp")
        self.own_context, self.shared_context = setup.context(asks=False), setup.context(asks=True)
        self.trusted: set[str] = set()
        self.not_opened: set[int] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Listen until `stop` is set; then finish what is being stored, answer it, and close."""
        looking, ringing = asyncio.create_task(self._look()), asyncio.create_task(self._ring())
        try:
            await stop.wait()
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
            await self._close()
            ringing.cancel()
            await asyncio.gather(ringing, return_exceptions=True)
            self.pool.shutdown()

    async def _look(self) -> None:
        while True:
            try:
                await self.refresh()
            except DatabaseDown as problem:
                log.warning("mllp.refresh_failed", extra={"reason": type(problem).__name__})
            await asyncio.sleep(self.setup.refresh)

    async def refresh(self) -> None:
        """Read the feeds again: open and close ports, end the connections of feeds that are no more."""
        found, self.full = await self._apart(_look_up)
        self.doors = {door.feed_id: door for door in found}
        wanted: dict[tuple[int, bool], ssl.SSLContext | None] = {}
        for door in found:
            if door.port and (self.own_context or not door.tls):
                wanted[(door.port, False)] = self.own_context if door.tls else None
        if self.setup.tls_port and self.shared_context:
            fresh = {door.certificate for door in found if door.certificate} - self.trusted
            if fresh:
                self.shared_context.load_verify_locations(cadata="".join(sorted(fresh)))
                self.trusted |= fresh
            wanted[(self.setup.tls_port, True)] = self.shared_context
        for place in set(self.servers) - set(wanted):
            self.servers.pop(place).close()
        for place in set(wanted) - set(self.servers):
            await self._open(*place, wanted[place])
        for door, connection in self.connections.values():
            if self.doors.get(door.feed_id) != door:  # it may be let in no more; who may comes again at once
                connection.stop()

    async def _open(self, port: int, asks: bool, context: ssl.SSLContext | None) -> None:
        try:
            self.servers[(port, asks)] = await asyncio.start_server(
                partial(self._connected, port, asks), self.setup.host, port, ssl=context, limit=CHUNK,
                ssl_handshake_timeout=10 if context else None,
            )  # fmt: skip
        except OSError:
            if port not in self.not_opened:
                log.warning("mllp.port_taken", extra={"code": port})
            self.not_opened.add(port)
        else:
            self.not_opened.discard(port)
            log.info("mllp.listening", extra={"code": port})

    async def _connected(
        self, port: int, asks: bool, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        door = self._door(port, asks, writer)
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  (asyncio's server runs this in one)
        try:
            if door is None:
                REFUSED.labels("unknown_sender").inc()
                return
            if sum(one.feed_id == door.feed_id for one, _connection in self.connections.values()) >= CONNECTIONS:
                REFUSED.labels("too_many_connections").inc()
                return
            connection = Connection(
                reader, writer, door.settings, put=partial(self.put, door), room=partial(self._room, door),
                half_frame=HALF_FRAME,
            )  # fmt: skip
            self.connections[task] = door, connection
            OPEN.inc()
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            await connection.serve()
        finally:
            if self.connections.pop(task, None):
                OPEN.dec()
            writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                await asyncio.wait_for(writer.wait_closed(), 5)

    def _door(self, port: int, asks: bool, writer: asyncio.StreamWriter) -> Door | None:
        known = list(self.doors.values())
        if asks:
            tls = writer.get_extra_info("ssl_object")
            return doors.by_certificate(known, tls.getpeercert(binary_form=True) if tls else None)
        peer = writer.get_extra_info("peername")
        return doors.by_address(known, port, peer[0]) if peer else None

    async def _room(self, door: Door) -> None:
        """Back-pressure: while the practice's backlog is too long its sockets are not read."""
        while door.practice_id in self.full:
            await asyncio.sleep(self.setup.refresh / 5)

    def put(self, door: Door, piece: Piece, *, size: int = 0, digest: str = "") -> "asyncio.Future[Verdict]":
        """Queue a message of a feed for the next commit of its practice. `size` and `digest`: of one too large."""
        arrival = Arrival(door.feed_id, piece, strict=door.settings["strict"], size=size, digest=digest)
        answer: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        lane = self.lanes.setdefault(door.practice_id, Lane())
        lane.waiting.append((arrival, answer))
        if lane.storing is None or lane.storing.done():
            lane.storing = asyncio.create_task(self._store(door.practice_id, lane))
        return answer

    async def _store(self, practice_id: UUID, lane: Lane) -> None:
        while lane.waiting:
            group = lane.next_group()
            try:
                told = await self._apart(self.store, practice_id, [arrival for arrival, _answer in group])
            except Exception:  # whatever it is, nobody is told that his message is safe
                log.exception("mllp.store_failed")
                told = [NotStored() for _one in group]
            for (_arrival, answer), verdict in zip(group, told, strict=True):
                if answer.done():
                    continue  # its connection was ended meanwhile
                if isinstance(verdict, NotStored):
                    answer.set_exception(verdict)
                    answer.exception()  # seen, even where the connection is gone
                else:
                    answer.set_result(verdict)
            self.to_ring |= {(practice_id, arrival.feed_id) for arrival, _answer in group}

    async def _ring(self) -> None:
        """Tell the worker that there is something to apply; off the way of the answers, at most twice a second."""
        while True:
            await asyncio.sleep(RING_EVERY)
            ringing, self.to_ring = self.to_ring, set()
            for practice_id, feed_id in ringing:
                try:
                    await self._apart(tasks.apply_feed.for_practice, practice_id, str(feed_id))
                except OperationalError:
                    log.warning("integrations.nudge_lost")  # beat rings every few seconds anyway

    async def _close(self) -> None:
        """No new connection, nothing more read; what is complete is stored and answered."""
        for server in self.servers.values():
            server.close()
        for _door, connection in self.connections.values():
            connection.stop()
        if self.connections:
            await asyncio.wait(set(self.connections), timeout=LAST_ANSWERS)
        for task in list(self.connections):
            task.cancel()
        await asyncio.gather(*self.connections, return_exceptions=True)

    async def _apart(self, work: Callable[..., Any], *given: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self.pool, work, *given)


def _look_up() -> tuple[list[Door], set[UUID]]:
    """The feeds that listen, and the practices whose backlog is too long. Runs in a thread."""
    close_old_connections()
    found = doors.find_doors()
    return found, pressure.full_practices({door.practice_id for door in found})
