"""One call of SendGrid's v3 mail/send for a whole group, by the official package.

What the package raises and what that means: shared/data/providers/OUTCOMES.md §1-2. It has no time-outs of its own, so
the connection is ours: 5 s to connect, 20 s to answer, and a failure to connect is told from an answer that never came.
"""

import http.client
import json
import re
import ssl
import urllib.request
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.error import URLError
from uuid import UUID

from django.conf import settings
from python_http_client.client import Client
from python_http_client.exceptions import HTTPError

from messaging.channels import Answer, Call, Parcel, Result
from prm import clock

GATEWAY = {502, 504, *range(520, 528)}  # a gateway spoke, not the application
BUSY = {429, 500, 503}
ROW = re.compile(r"personalizations[.\[](\d+)")
ADDRESS = re.compile(r"\S+@\S+")


class CannotConnect(OSError):
    """Name, refusal, TLS or connect time-out: the request did not leave."""


class _Connection(http.client.HTTPConnection):
    def connect(self) -> None:
        """Connect within 5 s, then wait 20 s for each answer."""
        self.timeout = settings.HTTP_CONNECT_TIMEOUT
        try:
            super().connect()
        except OSError as problem:
            raise CannotConnect(type(problem).__name__) from problem
        self.sock.settimeout(settings.HTTP_READ_TIMEOUT)


class _TlsConnection(_Connection, http.client.HTTPSConnection):
    """The same over TLS, with the system's certificates."""


class _Http(urllib.request.HTTPHandler):
    def http_open(self, request: urllib.request.Request) -> Any:
        """Open with our connection."""
        return self.do_open(_Connection, request)


class _Https(urllib.request.HTTPSHandler):
    def https_open(self, request: urllib.request.Request) -> Any:
        """Open with our connection."""
        return self.do_open(_TlsConnection, request, context=ssl.create_default_context())


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """A POST with a key is not carried elsewhere."""


class _Client(Client):
    """The package's client with our connections."""

    def _make_request(self, opener: Any, request: Any, timeout: Any = None) -> Any:
        own = urllib.request.build_opener(_Http(), _Https(), _NoRedirect(), urllib.request.ProxyHandler({}))
        return super()._make_request(own, request, timeout=timeout)

    def _build_client(self, name: str | None = None) -> "_Client":
        path = [*self._url_path, name] if name else self._url_path
        return _Client(self.host, self.request_headers, self._version, path, self.append_slash, self.timeout)


def send(call: Call) -> Mapping[UUID, Answer]:
    """One answer a message. A bad row is left out and the rest sent again; a refusal without a row halves the group."""
    return _send(call, list(call.parcels))


def _send(call: Call, parcels: list[Parcel]) -> dict[UUID, Answer]:
    if not parcels:
        return {}
    try:
        response = _client(call).mail.send.post(request_body=body(call, parcels))
    except HTTPError as refusal:
        return _refused(call, parcels, refusal)
    except URLError as problem:
        return _all(parcels, _not_connected(problem))
    except (OSError, http.client.HTTPException) as problem:
        return _all(parcels, Answer(Result.UNKNOWN, code=type(problem).__name__))
    if response.status_code != 202:
        return _all(parcels, Answer(Result.UNKNOWN, http=response.status_code, code="unforeseen_answer"))
    return _all(parcels, Answer(Result.YES, http=202, provider_id=response.headers.get("X-Message-Id") or ""))


def _client(call: Call) -> Any:
    from sendgrid import SendGridAPIClient  # noqa: PLC0415  (no web worker needs it: tests/prm/test_footprint.py)

    service = SendGridAPIClient(call.sender.credentials.get("api_key", ""), host=settings.SENDGRID_API_BASE)
    return _Client(service.host, service._default_headers, version=3, timeout=settings.HTTP_READ_TIMEOUT)


def body(call: Call, parcels: Sequence[Parcel]) -> dict[str, Any]:
    """The request: one text with tags, and for each person the address, the tags' values and our two ids.

    Clicks are counted by our own redirect and links hold tokens, so SendGrid's tracking stays off; categories and
    custom arguments are kept by SendGrid for ever and hold no personal data.
    """
    sender, first = call.sender, parcels[0]
    request: dict[str, Any] = {
        "from": {"email": sender.address, "name": sender.name},
        "subject": first.subject,
        "content": [
            {"type": kind, "value": value}
            for kind, value in (("text/plain", first.text), ("text/html", first.html))
            if value
        ],
        "personalizations": [
            {
                "to": [{"email": parcel.address}],
                "custom_args": {"prm": str(parcel.message_id), "prm_p": sender.practice_public_id},
                **({"substitutions": dict(parcel.tags)} if parcel.tags else {}),
                **({"headers": dict(parcel.headers)} if parcel.headers else {}),
            }
            for parcel in parcels
        ],
        "categories": [call.klass, call.purpose],
        "tracking_settings": {
            "click_tracking": {"enable": False, "enable_text": False},
            "open_tracking": {"enable": False},
            "subscription_tracking": {"enable": False},
        },
    }
    if sender.reply_to:
        request["reply_to"] = {"email": sender.reply_to}
    return request


def _refused(call: Call, parcels: list[Parcel], refusal: HTTPError) -> dict[UUID, Answer]:
    """An answer other than 2xx (OUTCOMES.md §2)."""
    status, errors = refusal.status_code, _errors(refusal)
    text = ADDRESS.sub("…", "; ".join(str(error.get("message", "")) for error in errors))
    code = f"http_{status}"
    if status in BUSY:
        return _all(
            parcels,
            Answer(
                Result.NO, http=status, code=code, text=text, retry_at=_wanted(refusal.headers), breaker=status != 429
            ),
        )
    if status in GATEWAY or status >= 500:
        return _all(parcels, Answer(Result.UNKNOWN, http=status, code=code))
    if status in (401, 403) or "credits exceeded" in text.lower():
        return _all(parcels, Answer(Result.NO, http=status, code=code, text=text, pause=True))
    bad = {int(found[1]) for error in errors if (found := ROW.search(str(error.get("field", ""))))}
    refused = Answer(Result.NEVER, http=status, code=code, text=text)
    if bad and len(parcels) > 1 and bad < set(range(len(parcels))):
        left_out = {parcels[index].message_id: refused for index in bad}
        return left_out | _send(call, [parcel for index, parcel in enumerate(parcels) if index not in bad])
    if status in (400, 413) and len(parcels) > 1:
        half = len(parcels) // 2
        return _send(call, parcels[:half]) | _send(call, parcels[half:])
    if status < 400:
        return _all(parcels, Answer(Result.UNKNOWN, http=status, code="unforeseen_answer"))
    return _all(parcels, refused)


def _all(parcels: Sequence[Parcel], answer: Answer) -> dict[UUID, Answer]:
    return {parcel.message_id: answer for parcel in parcels}


def _not_connected(problem: URLError) -> Answer:
    if isinstance(problem.reason, CannotConnect):
        return Answer(Result.NO, code=str(problem.reason) or "cannot_connect", breaker=True)
    return Answer(Result.UNKNOWN, code=type(problem.reason).__name__)


def _errors(refusal: HTTPError) -> list[dict[str, Any]]:
    try:
        found = json.loads(refusal.body).get("errors", [])
    except (ValueError, AttributeError):
        return []
    return [error for error in found if isinstance(error, dict)]


def _wanted(headers: Any) -> datetime | None:
    """When the provider wants to be asked again: Retry-After (seconds), else X-RateLimit-Reset (Unix time)."""
    try:
        if seconds := headers.get("Retry-After"):
            return clock.now() + timedelta(seconds=min(int(seconds), 3600))
        if reset := headers.get("X-RateLimit-Reset"):
            return min(datetime.fromtimestamp(int(reset), UTC), clock.now() + timedelta(hours=1))
    except (ValueError, OverflowError, OSError):
        return None
    return None
