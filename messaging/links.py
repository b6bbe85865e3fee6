"""Counted links: make one, read a signed id, count an opening."""

import base64
import binascii
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import F

from accounts.models import Practice
from messaging.models import Link, LinkClick, OutboxMessage
from prm import crypto

SCANNER_WITHIN = timedelta(seconds=2)  # of delivery, or of another link of the same message: no person is so quick


class TokenInLink(ValueError):
    """A link of ours that holds a token must not be stored."""


def make(
    url: str, *, label: str = "", message: OutboxMessage | None = None, source: models.Model | None = None,
    now: datetime,
) -> Link:  # fmt: skip
    """Store an address to lead to. TokenInLink for a portal link: its token is kept nowhere but in the message."""
    if url.startswith(f"{settings.SITE_URL}/portal/"):
        raise TokenInLink("a link of the portal holds a token")
    return Link.objects.create(
        url=url, label=label, message=message, created_at=now,
        source=source.pk if source is not None else None,
        source_kind=source._meta.label_lower if source is not None else "",
    )  # fmt: skip


def address(practice: Practice, link_id: UUID) -> str:
    """The absolute `/r/…` address of a link."""
    return f"{settings.SITE_URL}/r/{signed_id(practice, link_id)}"


def signed_id(practice: Practice, link_id: UUID) -> str:
    """`<public id of the practice>.<link>.<signature>`; the signature covers both, so neither can be exchanged."""
    identifier = base64.urlsafe_b64encode(link_id.bytes).decode().rstrip("=")
    return f"{practice.public_id}.{identifier}.{crypto.sign(practice.public_id, identifier)}"


def read(signed_id: str) -> tuple[str, UUID] | None:
    """(public id of the practice, link id) of an id that we signed; None for any other. Asks no database."""
    parts = signed_id.split(".")
    if len(parts) != 3 or not crypto.signed(parts[2], parts[0], parts[1]):
        return None
    try:
        return parts[0], UUID(bytes=base64.urlsafe_b64decode(parts[1] + "=="))
    except (binascii.Error, ValueError):
        return None


def count(link: Link, *, head: bool, now: datetime) -> LinkClick:
    """Count one opening: by a machine where it only asked for the head, or came quicker than a person can."""
    since = now - SCANNER_WITHIN
    message = link.message
    machine = (
        head or LinkClick.objects.filter(link__message=message, at__gt=since).exclude(link=link).exists()
        if message is not None
        else head
    )
    if message is not None and message.delivery_at is not None and message.delivery_at > since:
        machine = True
    if message is not None:
        field = "bot_clicks" if machine else "clicks"
        OutboxMessage.objects.filter(pk=message.pk).update(**{field: F(field) + 1})
    return LinkClick.objects.create(link=link, at=now, by=LinkClick.By.MACHINE if machine else LinkClick.By.PERSON)
