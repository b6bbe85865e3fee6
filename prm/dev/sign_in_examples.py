"""Examples of the pages of signing in, for `prm.dev.pages`: links that were just mailed, requests that wait."""

import secrets
from datetime import timedelta
from typing import Any

from accounts import factor_recovery, password_reset, totp
from accounts.models import FactorRecovery, Membership, PasswordReset, Practice, User
from prm import clock

State = FactorRecovery.State


def reset_token(practice: Practice) -> dict[str, Any]:
    """A link to a new password, just mailed to the owner."""
    token, now = secrets.token_urlsafe(32), clock.now()
    hashed = password_reset.token_hash(token)
    PasswordReset.objects.create(user=_owner(), asked_at=now, mailed_at=now, link_hash=hashed)
    return {"token": token}


def recovery_token(practice: Practice) -> dict[str, Any]:
    """A link to a new second factor, confirmed by a platform operator."""
    token, now = secrets.token_urlsafe(32), clock.now()
    operator, _made = User.objects.get_or_create(email="second@example.com", defaults={"name": "Sam Second"})
    FactorRecovery.objects.create(
        user=_owner(), state=State.CONFIRMED, asked_at=now, decided_at=now, decided_by=operator,
        link_hash=factor_recovery.token_hash(token), link_until=now + timedelta(hours=1),
    )  # fmt: skip
    return {"token": token}


def colleague_who_lost_it(practice: Practice) -> dict[str, Any] | None:
    """A request of a colleague that an owner may decide."""
    others = Membership.objects.filter(ended_at=None).exclude(role=Membership.Role.OWNER)
    member = others.select_related("user").order_by("pk").first()
    return _asked(member.user) if member else None


def owner_who_lost_it(practice: Practice) -> dict[str, Any]:
    """A request of a practice's only owner, which a platform operator decides."""
    return _asked(_owner())


def owner_waits(practice: Practice) -> dict[str, Any]:
    """The owner's own sight of that request."""
    owner_who_lost_it(practice)
    return {}


def new_app(practice: Practice) -> dict[str, Any]:
    """The owner's next authenticator app, which waits for its first code."""
    totp.new_device(_owner())
    return {}


def _asked(user: User) -> dict[str, Any]:
    asked, _made = FactorRecovery.objects.get_or_create(
        user=user, state=State.ASKED, defaults={"asked_at": clock.now(), "asked_from": "192.0.2.7"}
    )
    return {"recovery_id": asked.pk}


def _owner() -> User:
    return (
        Membership.objects.filter(ended_at=None, role=Membership.Role.OWNER)
        .select_related("user").order_by("pk")[0].user
    )  # fmt: skip
