"""SendGrid's event webhook, really signed: what happens to accepted mail is told in batches, faults included.

The address decides the story: bounce@, block@, defer@, spam@, mpp@, drop@ at any domain; everyone else is delivered.
"""

import base64
import contextlib
import json
import queue
import threading
import time
import urllib.error
import urllib.request
import uuid
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from prm.dev.providers.faults import Faults

SIGNATURE, TIMESTAMP = "X-Twilio-Email-Event-Webhook-Signature", "X-Twilio-Email-Event-Webhook-Timestamp"
STORIES: dict[str, list[dict[str, Any]]] = {
    "bounce": [{"event": "bounce", "type": "bounce", "status": "5.1.1", "reason": "550 5.1.1 no such user",
                "bounce_classification": "Invalid Address"}],
    "block": [{"event": "bounce", "type": "blocked", "status": "5.7.1", "reason": "554 5.7.1 blocked",
               "bounce_classification": "Reputation"}],
    "defer": [{"event": "deferred", "response": "451 try later", "attempt": "1"},
              {"event": "delivered", "response": "250 OK"}],
    "spam": [{"event": "delivered", "response": "250 OK"}, {"event": "spamreport"}],
    "mpp": [{"event": "delivered", "response": "250 OK"}, {"event": "open", "sg_machine_open": True}],
    "drop": [{"event": "dropped", "reason": "Bounced Address"}],
}  # fmt: skip
DELIVERED = [{"event": "delivered", "response": "250 OK"}]


class Callbacks:
    """One thread that posts events to `site`; without a site nothing is told."""

    def __init__(self, faults: Faults, site: str = "", key: ec.EllipticCurvePrivateKey | None = None) -> None:
        self.faults, self.site = faults, site.rstrip("/")
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        self.posts: list[int] = []  # the answers we got
        self._queue: queue.Queue[tuple[str, list[dict[str, Any]]] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def public_key(self) -> str:
        """Base64 DER, as SendGrid shows it."""
        der = self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(der).decode()

    def tell(self, practice: str, accepted: list[dict[str, Any]]) -> None:
        """Queue the story of each accepted message of a practice."""
        now = int(time.time())
        events = []
        for row in accepted:
            name = row["to"].partition("@")[0]
            for index, story in enumerate([{"event": "processed"}, *STORIES.get(name, DELIVERED)]):
                events.append(
                    {
                        "email": row["to"], "timestamp": now + index, "sg_event_id": uuid.uuid4().hex,
                        "sg_message_id": f"{uuid.uuid4().hex}.filter0001", "prm": row["id"], "prm_p": practice, **story,
                    }
                )  # fmt: skip
        self._queue.put((practice, events))

    def wait(self) -> None:
        """Until everything queued was posted."""
        self._queue.join()

    def stop(self) -> None:
        """End the thread after what is queued."""
        self._queue.put(None)
        self._thread.join(timeout=10)

    def sign(self, body: bytes, timestamp: str) -> str:
        """Base64 ECDSA over timestamp and body."""
        return base64.b64encode(self.key.sign(timestamp.encode() + body, ec.ECDSA(SHA256()))).decode()

    def _run(self) -> None:
        while (job := self._queue.get()) is not None:
            try:
                if self.site:
                    self._post_with_faults(*job)
            finally:
                self._queue.task_done()
        self._queue.task_done()

    def _post_with_faults(self, practice: str, events: list[dict[str, Any]]) -> None:
        fault = self.faults.take("callback", [event["email"] for event in events])
        name = fault.name if fault else ""
        if name == "dropped":
            return
        if fault and name == "late":
            time.sleep(fault.seconds)
        batches = [events]
        if name == "shuffled":
            self.faults.dice.shuffle(events)
        elif name == "split":
            batches = [[event] for event in events]
        elif name == "doubled":
            batches = [events, [{**event, "sg_event_id": uuid.uuid4().hex} for event in events]]
        for batch in batches:
            self._post(practice, batch, stale=name == "stale", forged=name == "bad_signature")

    def _post(self, practice: str, events: list[dict[str, Any]], *, stale: bool, forged: bool) -> None:
        body = b"[" + b",\r\n".join(json.dumps(event).encode() for event in events) + b"]\r\n"
        timestamp = str(int(time.time()) - (3600 if stale else 0))
        signature = self.sign(body + b"x" if forged else body, timestamp)
        request = urllib.request.Request(
            f"{self.site}/hooks/sendgrid/{practice}/events", data=body, method="POST",
            headers={"Content-Type": "application/json", SIGNATURE: signature, TIMESTAMP: timestamp},
        )  # fmt: skip
        for pause in (0.2, 1.0, 3.0):
            try:
                with urllib.request.urlopen(request, timeout=10) as response:
                    self.posts.append(response.status)
                    return
            except urllib.error.HTTPError as refusal:
                self.posts.append(refusal.code)
                if refusal.code < 500:
                    return
            except OSError:
                self.posts.append(0)
            with contextlib.suppress(InterruptedError):
                time.sleep(pause)
