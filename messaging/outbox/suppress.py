"""Suppressed addresses: who writes them, and the work they make (messaging.md §5)."""

from datetime import datetime, timedelta

from messaging.models import OutboxMessage, ProviderEventKey, Suppression
from patients import consent, worklist
from patients.models import Consent, Purpose

Kind = Suppression.Kind

SOFT_BOUNCES, SOFT_WITHIN = 3, timedelta(days=30)
FIX = (Kind.HARD_BOUNCE, Kind.INVALID, Kind.LANDLINE)


def add(message: OutboxMessage, kind: str, *, now: datetime) -> Suppression:
    """Suppress the address of a message for its channel; the same kind is there once. Opens the work that it makes.

    A complaint revokes marketing. Inside the practice's context, in the caller's transaction.
    """
    row, made = Suppression.objects.get_or_create(
        channel=message.channel, address=message.address, kind=kind, lifted_at=None,
        defaults={"message": message.pk, "at": now, "until": now + SOFT_WITHIN if kind == Kind.SOFT_BOUNCE else None},
    )  # fmt: skip
    if not made or message.patient is None:
        return row
    if kind in FIX:
        worklist.open_item(
            "fix_contact_point", message.patient, now=now, due_at=now, patient=message.patient, line=kind
        )
    elif kind == Kind.COMPLAINT:
        worklist.open_item("complaint", message.patient, now=now, due_at=now, patient=message.patient)
    if kind in (Kind.COMPLAINT, Kind.UNSUBSCRIBED):
        consent.state(
            message.patient, message.channel, Purpose.MARKETING, granted=False, how=Consent.How.PROVIDER, now=now,
            evidence=f"{kind} of message {message.pk}",
        )  # fmt: skip
    return row


def soft_bounce(message: OutboxMessage, *, now: datetime) -> Suppression | None:
    """Suppress for 30 days an address that came back three times within 30 days."""
    bounces = ProviderEventKey.objects.filter(
        message__address=message.address, message__channel=message.channel, kind="bounce", at__gt=now - SOFT_WITHIN,
        at__lte=now,
    )  # fmt: skip
    return add(message, Kind.SOFT_BOUNCE, now=now) if bounces.count() >= SOFT_BOUNCES else None
