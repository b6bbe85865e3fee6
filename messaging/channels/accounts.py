"""The provider that a practice has chosen for a channel, with its options and credentials."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from django.conf import settings

from accounts.models import Practice
from messaging.channels import PREVIEW, Provider, Sender, provider
from messaging.models import ChannelSettings, OutboxMessage, SendPause
from prm import crypto

LARGEST_GROUP = 1000  # SendGrid's personalisations a call
NOBODY = "no-reply@prm.invalid"  # shown in previews where no address is set; never leaves


def chosen(channel: str) -> ChannelSettings | None:
    """The practice's settings of a channel; None where it has made none, which means `preview`."""
    return ChannelSettings.objects.filter(channel=channel).first()


def account(practice: Practice, channel: str) -> tuple[Provider, Sender]:
    """Who carries a channel and as whom. Inside the practice's context."""
    found = chosen(channel)
    name = found.provider if found else PREVIEW
    sender = Sender(
        practice_id=practice.pk,
        practice_public_id=practice.public_id,
        name=" ".join(((found.sender_name if found else "") or practice.name).split()),  # it becomes a mail's header
        address=(found.sender_address if found else "") or NOBODY,
        reply_to=found.reply_to if found else "",
        options=dict(found.options) if found else {},
        credentials=open_credentials(found) if found else {},
    )
    return _grouped(provider(name), sender.options.get("group")), sender


def _grouped(carrier: Provider, wanted: object) -> Provider:
    """The provider with the practice's own size of a group, 1 to 1,000: a lost answer makes a whole group unknown."""
    return replace(carrier, group=min(max(int(str(wanted)), 1), LARGEST_GROUP)) if wanted else carrier


def open_credentials(found: ChannelSettings) -> dict[str, str]:
    """The secrets of a provider; empty where none are stored."""
    sealed = crypto.open_text(found, "credentials")
    return json.loads(sealed) if sealed else {}


def save(
    channel: str, provider_name: str, *, sender_name: str, sender_address: str, reply_to: str,
    options: Mapping[str, object], credentials: Mapping[str, str], now: datetime,
) -> ChannelSettings:  # fmt: skip
    """Choose a provider; empty secrets keep the stored ones of the same provider. Ends the pauses of a refused key."""
    found = chosen(channel) or ChannelSettings(channel=channel)
    old = open_credentials(found) if found.provider == provider_name else {}
    found.provider, found.sender_name, found.sender_address = provider_name, sender_name, sender_address
    found.reply_to, found.options, found.changed_at, found.failures = reply_to, dict(options), now, 0
    secrets = old | {name: value for name, value in credentials.items() if value}
    crypto.seal_text(found, "credentials", json.dumps(secrets) if secrets else "")
    found.save()
    resume(channel, now=now)
    return found


def resume(channel: str, *, now: datetime) -> int:
    """End the pauses that a provider's refusal made, and let what waited for them be asked again at once."""
    ended = SendPause.objects.filter(
        channel=channel, ended_at=None, why__in=(SendPause.Why.CREDENTIALS, SendPause.Why.BREAKER)
    ).update(ended_at=now)
    if ended:
        OutboxMessage.objects.filter(state=OutboxMessage.State.QUEUED, channel=channel, reason="paused").update(
            not_before=now
        )
    return ended


def webhook_url(practice: Practice, provider_name: str) -> str:
    """Where the provider must send its events to."""
    return f"{settings.SITE_URL}/hooks/{provider_name}/{practice.public_id}/events"
