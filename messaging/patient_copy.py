"""The messages in a patient's copy of the record: what was sent, and what it said while the body is kept."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from messaging.compose import rendering
from messaging.models import OutboxMessage
from patients.models import Patient

AT_ONCE = 200


def sent_messages(patient: Patient, now: datetime) -> list[dict[str, Any]]:
    """A row for each message that left, oldest first; the text is gone where its body is no longer kept."""
    sent = OutboxMessage.objects.filter(patient=patient, state=OutboxMessage.State.SENT).order_by("state_at", "id")
    found = list(sent)
    rows = []
    for at in range(0, len(found), AT_ONCE):
        batch = found[at : at + AT_ONCE]
        bodies = rendering.kept_bodies(batch)
        rows += [_row(message, bodies.get(message.pk)) for message in batch]
    return rows


def _row(message: OutboxMessage, body: rendering.Rendered | None) -> dict[str, Any]:
    return {
        _("When"): message.state_at, _("Channel"): message.get_channel_display(), _("To"): message.address,
        _("Subject"): body.subject if body else "", _("Text"): body.text if body else "",
    }  # fmt: skip
