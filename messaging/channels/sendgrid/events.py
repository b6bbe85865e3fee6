"""SendGrid's event webhook: is it theirs, and what does each event say (OUTCOMES.md §3 and §7)."""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from messaging.models import OutboxMessage, Suppression
from messaging.outbox.events import Event, NotAnEvent

SIGNATURE, TIMESTAMP = "X-Twilio-Email-Event-Webhook-Signature", "X-Twilio-Email-Event-Webhook-Timestamp"
FRESH = timedelta(minutes=5)
AHEAD = timedelta(days=1)
DIGITS = re.compile(r"\d{1,12}")
ADDRESS = re.compile(r"\S+@\S+")

Delivery, Kind = OutboxMessage.Delivery, Suppression.Kind

DELIVERY = {
    "processed": Delivery.ACCEPTED,
    "deferred": Delivery.DEFERRED,
    "delivered": Delivery.DELIVERED,
    "open": Delivery.DELIVERED,
    "click": Delivery.DELIVERED,
    "dropped": Delivery.DROPPED,
}
NOT_THE_ADDRESS = {"Reputation", "Content", "Frequency or Volume Too High", "Technical Failure"}
DROPPED = {
    "bounced address": Kind.HARD_BOUNCE,
    "invalid": Kind.INVALID,
    "spam reporting address": Kind.COMPLAINT,
    "unsubscribed address": Kind.UNSUBSCRIBED,
}
KNOWN = {
    *DELIVERY, "bounce", "spamreport", "unsubscribe", "group_unsubscribe", "group_resubscribe", "account_status_change",
}  # fmt: skip


def verify(body: bytes, signature: str, timestamp: str, keys: Iterable[str]) -> bool:
    """Whether one of the public keys (base64 DER, P-256) signed `timestamp` and `body`. False for anything odd.

    On the raw bytes: the body ends in CRLF and must never be parsed and written again. Digits can move between
    timestamp and body, so the timestamp must be digits and the body begin with `[` (OUTCOMES.md §7).
    """
    if not isinstance(timestamp, str) or not DIGITS.fullmatch(timestamp) or body.lstrip()[:1] != b"[":
        return False
    try:
        signed = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError, TypeError):
        return False
    return any(_signed_by(key, signed, timestamp.encode() + body) for key in keys if key)


def _signed_by(key: str, signed: bytes, message: bytes) -> bool:
    try:
        public = load_der_public_key(base64.b64decode(key, validate=True))
        if not isinstance(public, EllipticCurvePublicKey) or not isinstance(public.curve, SECP256R1):
            return False
        public.verify(signed, message, ECDSA(SHA256()))
    except (InvalidSignature, binascii.Error, ValueError, TypeError):
        return False
    return True


def stale(timestamp: str, now: datetime) -> bool:
    """Signed more than five minutes before `now`, or after it: kept, but it may only make states stricter."""
    return abs(now - datetime.fromtimestamp(int(timestamp), UTC)) > FRESH


def parse(body: bytes, *, now: datetime) -> tuple[list[Event], list[str]]:
    """The events of one POST that concern us, and a line for each that cannot be used. NotAnEvent: it is no list."""
    try:
        rows = json.loads(body)
    except ValueError:
        raise NotAnEvent("not JSON") from None
    except RecursionError:
        raise NotAnEvent("nested too deep") from None
    if not isinstance(rows, list):
        raise NotAnEvent(f"expected a list, found {type(rows).__name__}")
    events, problems = [], []
    for index, row in enumerate(rows):
        try:
            events.append(_event(row, now))
        except NotAnEvent as problem:
            problems.append(f"event {index}: {problem}")
    return events, problems


def _event(row: Any, now: datetime) -> Event:
    if not isinstance(row, Mapping):
        raise NotAnEvent("no object")
    name = row.get("event")
    if name not in KNOWN:
        raise NotAnEvent("unknown kind")
    try:
        message_id = UUID(str(row.get("prm")))
    except ValueError:
        raise NotAnEvent("without our id") from None
    at = _moment(row.get("timestamp"), now)
    kind, code = str(name), str(row.get("status") or row.get("attempt") or "")[:60]
    text = ADDRESS.sub("…", str(row.get("reason") or row.get("response") or ""))[:300]
    delivery, suppress = _meaning(kind, row)
    key = hashlib.sha256(f"{message_id}|{kind}|{int(at.timestamp())}|{row.get('type', '')}".encode()).hexdigest()
    return Event(
        message_id=message_id, kind=kind, at=at, key=key, delivery=delivery, suppress=suppress, code=code, text=text,
        machine=bool(row.get("sg_machine_open")), practice=str(row.get("prm_p") or ""),
    )  # fmt: skip


def _moment(value: Any, now: datetime) -> datetime:
    """Unix seconds of the event; more than a day ahead is no moment of ours."""
    if isinstance(value, bool) or not isinstance(value, int | str) or not DIGITS.fullmatch(str(value)):
        raise NotAnEvent("without a timestamp")
    try:
        at = datetime.fromtimestamp(int(value), UTC)
    except (ValueError, OverflowError, OSError):
        raise NotAnEvent("timestamp out of range") from None
    if at > now + AHEAD:
        raise NotAnEvent("more than a day ahead")
    return at


def _meaning(kind: str, row: Mapping[str, Any]) -> tuple[str, str]:
    """(delivery or empty, suppression kind or empty) of one event."""
    if kind == "bounce":
        return _bounce(row)
    if kind == "dropped":
        reason = str(row.get("reason") or "").lower()
        return Delivery.DROPPED, next((found for word, found in DROPPED.items() if word in reason), "")
    if kind == "spamreport":
        return "", Kind.COMPLAINT
    if kind in ("unsubscribe", "group_unsubscribe"):
        return "", Kind.UNSUBSCRIBED
    return DELIVERY.get(kind, ""), ""


def _bounce(row: Mapping[str, Any]) -> tuple[str, str]:
    """Hard only where the address itself is wrong; blocked where the receiver dislikes the sender."""
    classification = str(row.get("bounce_classification") or "")
    soft = "" if classification in NOT_THE_ADDRESS else Kind.SOFT_BOUNCE
    if row.get("type") in ("blocked", "expired") or classification in NOT_THE_ADDRESS:
        return Delivery.BLOCKED, soft
    status = str(row.get("status") or "")
    hard = classification == "Invalid Address" or (not classification and status.startswith("5.1."))
    return Delivery.BOUNCED, Kind.HARD_BOUNCE if hard else soft
