"""A mail server on loopback that keeps what it gets, and can fail before and after the final dot."""

import asyncio
import threading
import weakref
from email import message_from_bytes
from email.policy import default
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from prm.dev.providers.faults import Faults
from prm.dev.providers.ledger import Ledger

REFUSALS = {"421": "421 4.3.2 closing", "450": "450 4.2.1 try later", "451": "451 4.3.0 try later",
            "550": "550 5.1.1 no such user"}  # fmt: skip


class Sink:
    """aiosmtpd's handler. `mails`: the raw messages, newest last."""

    def __init__(self, ledger: Ledger, faults: Faults) -> None:
        self.ledger, self.faults = ledger, faults
        self.mails: list[bytes] = []

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take or refuse a recipient."""
        fault = self.faults.take("smtp", [address], only=set(REFUSALS))
        if fault:
            return REFUSALS[fault.name]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """The final dot was read: whatever is said now, we have it."""
        fault = self.faults.take("smtp", list(envelope.rcpt_tos), only={"drop", "lost", "slow"})
        name = fault.name if fault else ""
        if fault and name == "slow":
            await asyncio.sleep(fault.seconds)
        if name == "drop":
            _hang_up(server)
            return "421 4.3.0 gone"
        raw = envelope.content if isinstance(envelope.content, bytes) else (envelope.content or "").encode()
        mail = message_from_bytes(raw, policy=default)
        rows = [
            {"id": mail["X-PRM-Id"] or "", "practice": "", "to": to, "subject": str(mail["Subject"])}
            for to in envelope.rcpt_tos
        ]
        self.mails.append(raw)
        self.ledger.accept(rows, via="smtp", call=self.ledger.next_call(), answered=name != "lost")
        if name == "lost":
            _hang_up(server)
        return "250 2.0.0 OK"


def _hang_up(server: SMTP) -> None:
    transport: Any = server.transport
    transport.abort()


class SmtpServer:
    """The server on an event loop in a thread of its own; port 0 takes a free one."""

    def __init__(self, ledger: Ledger, faults: Faults, *, port: int = 0) -> None:
        self.sink = Sink(ledger, faults)
        self._loop = asyncio.new_event_loop()
        self._sessions: weakref.WeakSet[SMTP] = weakref.WeakSet()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._do(self._loop.create_server(self._session, "127.0.0.1", port))

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        """Stop listening and let go of everybody."""
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()

    def _session(self) -> SMTP:
        session = SMTP(self.sink, hostname="sim.example", loop=self._loop)
        self._sessions.add(session)
        return session

    async def _close(self) -> None:
        self._server.close()
        for session in list(self._sessions):
            if session.transport is not None:
                _hang_up(session)
        waiting = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await asyncio.sleep(0.05)  # transports say goodbye on the next turn of the loop

    def _do(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=10)
