"""Who signed in and out, in the record of each practice where the person works: signing in belongs to none of them."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest

from accounts.models import User
from accounts.queries import practices_of
from prm.audit.record import record
from prm.tenancy import use_practice


def record_in_each(action: str, request: HttpRequest, user: User, *, now: datetime, **facts: Any) -> None:
    """Add the event to every practice of `user`, who must be the request's user."""
    for practice in practices_of(user):
        with use_practice(practice.pk):
            record(action, now=now, request=request, **facts)
