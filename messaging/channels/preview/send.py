"""Take every message and keep it: the body that is stored for each row is what can be looked at.

In development the mail also goes to the patient's mailbox of the demo (`/dev/mail/`), where its links work. Staff never
see those: a link answers for the patient.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

from django.conf import settings

from messaging.channels import Answer, Call, Parcel, Result, Sender
from messaging.compose.rendering import fill
from prm import clock

MOST = 300  # mails kept in the mailbox; older ones go


def send(call: Call) -> Mapping[UUID, Answer]:
    """Yes to all."""
    if settings.DEVELOPMENT:
        _into_mailbox(call)
    return {parcel.message_id: Answer(Result.YES) for parcel in call.parcels}


def mailbox() -> Path:
    """Where the demo's mails lie, one file each."""
    return settings.STATE_DIR / "mail"


def _into_mailbox(call: Call) -> None:
    folder = mailbox()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for parcel in call.parcels[-MOST:]:
        # By the clock that the sender went by: a past that is played now does not push today's mail out.
        path = folder / f"{clock.now():%Y%m%dT%H%M%S}.{parcel.message_id}.json"
        partial = path.with_suffix(".part")
        partial.touch(mode=0o600)
        partial.write_text(json.dumps(_mail(call.sender, parcel)))
        os.replace(partial, path)
    for old in sorted(folder.glob("*.json"))[:-MOST]:
        old.unlink(missing_ok=True)


def _mail(sender: Sender, parcel: Parcel) -> dict[str, str]:
    """What the patient's mail program would show."""
    return {
        "at": clock.now().isoformat(),
        "from": sender.name,
        "to": parcel.address,
        "subject": fill(parcel.subject, parcel.tags),
        "html": fill(parcel.html, parcel.tags),
        "text": fill(parcel.text, parcel.tags),
    }
