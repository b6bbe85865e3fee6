"""The survey as a patient gets it, sent to a member of staff; no patient's row has a part in it."""

from datetime import datetime

from django.conf import settings
from django.urls import reverse

from accounts.models import Membership, Practice
from messaging.compose import library
from messaging.models import Klass, MessagePurpose, OutboxMessage, Topic
from messaging.outbox import queue
from patients.models import Channel
from prm import ids


def send(practice: Practice, member: Membership, *, now: datetime) -> OutboxMessage:
    """Queue the practice's survey mail to the member's own address, by the usual way. In the open practice."""
    page = settings.SITE_URL + reverse("survey_sample", args=[practice.public_id])
    return queue.enqueue(
        practice, now=now, patient=None, member=member, channel=Channel.EMAIL, klass=Klass.DIRECT,
        purpose=MessagePurpose.TREATMENT, topic=Topic.SURVEYS, dedupe_key=f"survey_sample:{ids.uuid7()}",
        template_version=library.version(practice, library.SURVEY),
        context={"links.survey": page, "links.unsubscribe": page},
    )  # fmt: skip
