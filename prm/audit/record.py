"""Write audit events: called by the views that show or change a person's data."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest

from prm.addresses import client_address
from prm.audit.models import AuditEvent
from prm.logs import request_id


def record(
    action: str, *, now: datetime, request: HttpRequest | None = None, patient_id: UUID | None = None,
    object_id: UUID | None = None, actor_kind: str = "", by: UUID | None = None,
    patients: Iterable[UUID | None] = (), **facts: Any,
) -> None:  # fmt: skip
    """Add one event in the caller's transaction. `facts` are codes and counts, never a person's data.

    `patient_id`: whom the act was about; `patients`: everybody whom a list or a file named, so that an incident report
    finds them (None among them is nobody).
    The actor is the request's API key, else its signed-in member of staff, else the patient of a link
    (`actor_kind="patient"`), else the member of staff with the id `by`, who is not signed in yet, else the system.
    """
    event = _event(action, now, request, patient_id, object_id, actor_kind, facts)
    if by is not None and event.actor_kind == "system":
        event.actor_kind, event.actor_id = "staff", by
    event.patients = sorted({one for one in patients if one is not None and one != patient_id})
    event.save(force_insert=True)


def record_each(
    action: str, patient_ids: Iterable[UUID], *, now: datetime, request: HttpRequest, object_id: UUID | None = None
) -> None:
    """Add one event for each patient, such as those named on a page, in one statement."""
    AuditEvent.objects.bulk_create(
        [_event(action, now, request, patient_id, object_id, "", {}) for patient_id in patient_ids]
    )


def _event(
    action: str, now: datetime, request: HttpRequest | None, patient_id: UUID | None, object_id: UUID | None,
    actor_kind: str, facts: dict[str, Any],
) -> AuditEvent:  # fmt: skip
    key = getattr(request, "api_key", None)
    user = None if key else getattr(request, "user", None)
    signed_in = bool(user and user.is_authenticated)
    return AuditEvent(
        at=now, action=action, patient_id=patient_id, object_id=object_id, facts=facts, request_id=request_id.get(),
        actor_kind="key" if key else actor_kind or _kind(request, signed_in),
        actor_id=key.pk if key else patient_id if actor_kind == "patient" else user.pk if signed_in and user else None,
        address=client_address(request) if request else None,
    )  # fmt: skip


def _kind(request: HttpRequest | None, signed_in: bool) -> str:
    """Who acts: the practice's own staff, the platform's support under an owner's grant, or the system."""
    if not signed_in:
        return "system"
    return "support" if hasattr(getattr(request, "membership", None), "support_until") else "staff"
