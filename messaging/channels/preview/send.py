"""Take every message and keep it: the body that is stored for each row is what can be looked at."""

from collections.abc import Mapping
from uuid import UUID

from messaging.channels import Answer, Call, Result


def send(call: Call) -> Mapping[UUID, Answer]:
    """Yes to all."""
    return {parcel.message_id: Answer(Result.YES, text="kept for preview") for parcel in call.parcels}
