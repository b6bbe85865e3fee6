"""SendGrid's v3 mail/send over HTTP on loopback, with its refusals and every way in which a call can end badly."""

import contextlib
import json
import socket
import struct
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prm.dev.providers import mailsend
from prm.dev.providers.callbacks import Callbacks
from prm.dev.providers.faults import Fault, Faults, UnknownFault
from prm.dev.providers.ledger import Ledger

LARGEST = 30 * 2**20


class SendGridServer(ThreadingHTTPServer):
    """The server with its ledger, faults and callbacks. `keys`: API keys that are let in; None lets any in."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self, ledger: Ledger, faults: Faults, callbacks: Callbacks, *, port: int = 0, keys: set[str] | None = None,
        verified: set[str] | None = None,
    ) -> None:  # fmt: skip
        self.ledger, self.faults, self.callbacks = ledger, faults, callbacks
        self.keys, self.verified = keys, verified
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def url(self) -> str:
        """What SENDGRID_API_BASE must be."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is what drills are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: SendGridServer

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: addresses would stand in it."""

    def do_GET(self) -> None:
        """The simulator's own pages."""
        if self.path == "/_sim/ledger":
            self._json(200, self.server.ledger.as_json())
        elif self.path == "/_sim/key":
            self._json(200, {"public_key": self.server.callbacks.public_key})
        else:
            self._json(404, {"errors": [{"message": "not found"}]})

    def do_POST(self) -> None:
        """mail/send, or one of the simulator's own switches."""
        length = int(self.headers.get("Content-Length") or 0)
        if length > LARGEST:
            self._json(413, {"errors": [{"message": "too large", "field": None}]})
            return
        body = self.rfile.read(length)
        if len(body) < length:  # the client died while it wrote
            return
        if self.path == "/v3/mail/send":
            self._mail_send(body)
        elif self.path == "/_sim/faults":
            self._set_faults(body)
        elif self.path == "/_sim/reset":
            self.server.ledger.clear()
            self.server.faults.replace([])
            self._json(200, {})
        else:
            self._json(404, {"errors": [{"message": "not found"}]})

    def _mail_send(self, body: bytes) -> None:
        key = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if not key or (self.server.keys is not None and key not in self.server.keys):
            self._json(401, {"errors": [{"message": "authorization required", "field": None, "help": None}]})
            return
        try:
            request = json.loads(body)
        except ValueError:
            self._json(400, {"errors": [{"message": "Bad Request", "field": None, "help": None}]})
            return
        addresses = _addresses(request)
        fault = self.server.faults.take("sendgrid", addresses)
        if fault and self._refuse(fault):
            return
        status, problems = mailsend.check(request, verified=self.server.verified)
        if status:
            self._json(status, {"errors": problems})
            return
        self._accept(request, fault)

    def _refuse(self, fault: Fault) -> bool:
        """True where the fault answered already and nothing was accepted."""
        if fault.name in {"lost", "truncated", "garbage", "slow"}:
            return False
        if fault.name == "reset":
            self._reset()
        elif fault.name == "html":
            self._answer(502, b"<html><body>Bad gateway</body></html>", "text/html")
        elif fault.name in {"429", "503"}:
            headers = {"X-RateLimit-Reset": str(int(time.time()) + 1)} if fault.name == "429" else {}
            self._json(int(fault.name), {"errors": [{"message": "try again", "field": None}]}, headers)
        elif fault.name.isdigit():
            self._json(int(fault.name), {"errors": [{"message": f"simulated {fault.name}", "field": None}]})
        return True

    def _accept(self, request: dict[str, Any], fault: Fault | None) -> None:
        name = fault.name if fault else ""
        if fault and name == "slow":
            time.sleep(fault.seconds)
        rows = [
            {
                "id": (person.get("custom_args") or {}).get("prm", ""),
                "practice": (person.get("custom_args") or {}).get("prm_p", ""),
                "to": person["to"][0]["email"],
                "subject": _filled(person.get("subject") or request.get("subject", ""), person),
            }
            for person in request["personalizations"]
        ]
        answered = name not in {"lost", "truncated", "garbage"}
        call = self.server.ledger.next_call()
        self.server.ledger.accept(rows, via="sendgrid", call=call, answered=answered)
        if not answered:
            self._spoil(name)
        else:
            self._answer(202, b"", "text/plain", {"X-Message-Id": uuid.uuid4().hex})
        for practice in {row["practice"] for row in rows}:
            self.server.callbacks.tell(practice, [row for row in rows if row["practice"] == practice])

    def _spoil(self, name: str) -> None:
        """The mail was taken, but the client will not hear it."""
        with contextlib.suppress(OSError):
            if name == "truncated":
                self.wfile.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 50\r\n\r\nhalf")
            elif name == "garbage":
                self.wfile.write(b"?? not HTTP at all\r\n\r\n")
            self.wfile.flush()
        self._reset()

    def _reset(self) -> None:
        """End the connection at once, with a reset instead of a goodbye."""
        with contextlib.suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def _set_faults(self, body: bytes) -> None:
        try:
            self.server.faults.replace(json.loads(body))
        except (UnknownFault, ValueError, TypeError) as problem:
            self._json(400, {"errors": [{"message": str(problem)}]})
        else:
            self._json(200, {})

    def _json(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        self._answer(status, json.dumps(value).encode(), "application/json", headers)

    def _answer(self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        with contextlib.suppress(OSError):
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)


def _addresses(request: Any) -> list[str]:
    try:
        return [to["email"] for person in request["personalizations"] for to in person["to"]]
    except (KeyError, TypeError):
        return []


def _filled(text: str, person: dict[str, Any]) -> str:
    for tag, value in (person.get("substitutions") or {}).items():
        text = text.replace(tag, value)
    return text
