"""Sending a patient the link to his page: one message, one link, no word about his health."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts.models import Practice
from messaging.compose import library
from messaging.models import Klass, MessagePurpose, OutboxMessage, Topic
from messaging.outbox import guard, queue
from patients import access
from patients.models import Channel, Patient, PortalLink


@dataclass(frozen=True, slots=True)
class SentLink:
    """A link and the message that carries it; the token stands in that message alone."""

    link: PortalLink
    message: OutboxMessage


def send(
    patient: Patient, channel: str, *, practice: Practice, now: datetime, name_him: bool = False,
    not_before: datetime | None = None,
) -> SentLink:  # fmt: skip
    """Issue an access link and queue the message with it, in the caller's transaction.

    `name_him`: a text message says his first name, since others have the same number. Where the guard does not let the
    message pass (`message.state`), the link ends at once.
    """
    link, token = access.issue_link(patient, PortalLink.LinkPurpose.ACCESS, now=now, lasts=access.ACCESS_LASTS)
    key = library.ACCESS_LINK if channel == Channel.EMAIL else library.ACCESS_TEXT
    if channel == Channel.SMS and name_him:
        key = library.ACCESS_TEXT_NAMED
    message = queue.enqueue(
        practice, now=now, patient=patient, channel=channel, purpose=MessagePurpose.TREATMENT, topic=Topic.MESSAGES,
        klass=Klass.SECURITY, template_version=library.version(practice, key), language=patient.language,
        dedupe_key=f"portal-link:{link.pk}", source=link, not_before=not_before,
        context={"links.portal": access.link_url(practice, token)},
    )  # fmt: skip
    if message.state != OutboxMessage.State.QUEUED:
        PortalLink.objects.filter(pk=link.pk).update(ended_at=now)
    return SentLink(link, message)


def ended(messages: Sequence[OutboxMessage], at: datetime) -> dict[UUID, guard.Verdict]:
    """For the guard (step 1): a message whose access link was ended while it waited lets nobody in."""
    carried = {m.source: m.pk for m in messages if m.source_kind == PortalLink._meta.label_lower}
    if not carried:
        return {}
    gone = PortalLink.objects.filter(pk__in=carried, ended_at__lte=at).values_list("pk", flat=True)
    return {carried[pk]: guard.stale(why=guard.LINK_ENDED) for pk in gone}


def take_back(message: OutboxMessage, *, now: datetime) -> bool:
    """Cancel a message with a link that nobody has begun to send, and end its link; False where it is too late."""
    cancelled = OutboxMessage.objects.filter(pk=message.pk, state=OutboxMessage.State.QUEUED).update(
        state=OutboxMessage.State.CANCELLED, state_at=now, reason="taken_back"
    )
    if cancelled:
        PortalLink.objects.live(now).filter(pk=message.source).update(ended_at=now)
    return bool(cancelled)
