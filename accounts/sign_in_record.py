"""The audit of what belongs to a person and not to a practice: each of his practices keeps the event."""

from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest

from accounts.models import User
from accounts.queries import practices_of
from prm.audit.record import record
from prm.tenancy.context import practice_id_or_none, use_practice


def record_for(user: User, action: str, *, now: datetime, request: HttpRequest | None, **facts: Any) -> None:
    """Write one event about `user` (as its object) into each practice in which he works; `facts` are codes and counts.

    In the caller's transaction where that belongs to the practice or to none. Another practice's rows cannot be
    written from within one: those events follow when it has committed.
    """
    opened = practice_id_or_none()
    for practice in practices_of(user):
        write = partial(_write, practice.pk, action, now=now, request=request, object_id=user.pk, **facts)
        if opened in {None, practice.pk}:
            write()
        else:
            transaction.on_commit(write)


def _write(practice_id: UUID, action: str, **details: Any) -> None:
    with use_practice(practice_id):
        record(action, **details)
