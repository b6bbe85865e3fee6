"""A forgotten password: a mailed link, one hour, once; the second factor is asked for as ever.

Asking takes the same statements and the same time for an address that somebody has and one that nobody has; what
differs (the token, the mail) is done by a worker afterwards.
"""

import secrets
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from accounts import notify, passwords, sessions, sign_in_record
from accounts.models import PasswordReset, User
from prm import crypto

LASTS = timedelta(hours=1)
MAILED_WITHIN = timedelta(minutes=15)  # after a broker's loss; an older request is not answered out of the blue
KEPT_FOR = timedelta(days=7)


def ask(email: str, *, now: datetime) -> PasswordReset:
    """Keep that somebody asked; the row's mail is the worker's (`mail_link`)."""
    user = User.objects.filter(email=User.objects.normalise(email), is_active=True).first()
    return PasswordReset.objects.create(user=user, asked_at=now)


def waiting(*, now: datetime) -> list[UUID]:
    """Requests whose mail is still to be made; older ones than a week are removed."""
    PasswordReset.objects.filter(asked_at__lt=now - KEPT_FOR).delete()
    rows = PasswordReset.objects.filter(mailed_at=None, asked_at__gt=now - MAILED_WITHIN)
    return list(rows.order_by("asked_at").values_list("pk", flat=True)[:500])


def mail_link(reset_id: UUID, *, now: datetime) -> None:
    """Make the link of a request and queue its mail; nothing where nobody has the address. Safe to run twice."""
    with transaction.atomic():
        row = PasswordReset.objects.select_for_update().filter(pk=reset_id, mailed_at=None).first()
        if row is None:
            return
        row.mailed_at = now
        if row.user_id is not None:
            user, token = User.objects.get(pk=row.user_id), secrets.token_urlsafe(32)
            earlier = PasswordReset.objects.filter(user=user, used_at=None).exclude(pk=row.pk)
            earlier.update(used_at=now)  # the newest link alone works
            row.link_hash = token_hash(token)
            facts = {"url": settings.SITE_URL + reverse("signin_reset_link", args=[token]), "expires": now + LASTS}
            notify.send(
                notify.Notice("password_reset", user.email, user.name, user.language, f"reset {row.pk}", None, facts)
            )
        row.save(update_fields=["mailed_at", "link_hash"])


def find(token: str, *, now: datetime) -> PasswordReset | None:
    """The request whose link this is, while the link works; changes nothing."""
    live = PasswordReset.objects.filter(used_at=None, mailed_at__gt=now - LASTS, user__is_active=True)
    return live.select_related("user").filter(link_hash=token_hash(token)).first()


def use(reset: PasswordReset, password: str, *, now: datetime) -> User | None:
    """Set the new password, end all sessions; None where the link was used meanwhile. ValidationError by `passwords`.

    One UPDATE spends the link: of two requests with it one sets a password.
    """
    user = reset.user
    assert user is not None  # noqa: S101 -- a row with a link has its person
    passwords.check(password, user)
    with transaction.atomic():
        if not PasswordReset.objects.filter(pk=reset.pk, used_at=None).update(used_at=now):
            return None
        change_password(user, password, now=now, key=f"reset {reset.pk}")
        sessions.end_sessions(user)
        sign_in_record.record_for(user, "password.reset", now=now, request=None, by=user.pk)
    return user


def change_password(user: User, password: str, *, now: datetime, key: str) -> None:
    """Store a checked password and tell its owner; `key`: once a change. Which sessions end is the caller's."""
    user.set_password(password)
    user.save(update_fields=["password"])
    notify.send(notify.Notice("password_changed", user.email, user.name, user.language, f"changed {key}"))


def token_hash(token: str) -> str:
    """What is stored of a mailed token."""
    return crypto.token_hash(f"reset {token}")
