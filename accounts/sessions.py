"""A person's sessions: listed with the device in words, and ended; the next request of an ended one is nobody's."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest

from accounts.models import Membership, Session, User
from accounts.session_store import stored_key
from prm import clock

ID_LENGTH = 16  # hex digits of the stored key that name a session on a page; they open nothing

# The first that is found in a User-Agent names it; order matters, since they quote each other.
BROWSERS = (
    ("Edg", "Edge"), ("OPR", "Opera"), ("SamsungBrowser", "Samsung Internet"), ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"), ("CriOS", "Chrome"), ("Chrome", "Chrome"), ("Safari", "Safari"),
)  # fmt: skip
SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("CrOS", "Chromebook"), ("Windows", "Windows"),
    ("Macintosh", "Mac"), ("Linux", "Linux"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shown:
    """One session as its owner sees it."""

    id: str
    device: str
    address: str | None
    signed_in_at: datetime | None
    seen_at: datetime | None
    is_this: bool


def sessions_of(user: User, *, this_key: str | None = None) -> list[Shown]:
    """The person's live sessions, the one of `this_key` (the cookie's value) first, then the last used."""
    this = stored_key(this_key) if this_key else ""
    rows = Session.objects.filter(user=user, expire_date__gt=clock.now()).order_by("-seen_at", "pk")
    shown = [
        Shown(
            row.pk[:ID_LENGTH], device_in_words(row.agent), row.address, row.signed_in_at, row.seen_at, row.pk == this
        )
        for row in rows
    ]
    return sorted(shown, key=lambda one: not one.is_this)


def end_sessions(user: User, *, except_key: str | None = None) -> int:
    """End all sessions of the person but the one of `except_key` (the cookie's value); returns how many.

    For a changed password, second factor or role, for leaving a practice, and for the button.
    """
    rows = Session.objects.filter(user=user)
    if except_key:
        rows = rows.exclude(pk=stored_key(except_key))
    return rows.delete()[0]


def end_session(user: User, session_id: str) -> bool:
    """End the one session of the person that a page names so; False where it has ended already."""
    if not re.fullmatch(rf"[0-9a-f]{{{ID_LENGTH}}}", session_id):
        return False
    return bool(Session.objects.filter(user=user, pk__startswith=session_id).delete()[0])


def by_member(members: Iterable[Membership]) -> list[tuple[Membership, list[Shown]]]:
    """Each member with his live sessions, last used first, in one statement more than the members."""
    members = list(members)
    rows: dict[UUID, list[Shown]] = {member.user_id: [] for member in members}
    live = Session.objects.filter(user__in=list(rows), expire_date__gt=clock.now())
    for row in live.order_by("-seen_at", "pk"):
        rows[row.user_id].append(_shown(row))  # type: ignore[index]
    return [(member, rows[member.user_id]) for member in members]


def keep_after_password(request: HttpRequest, user: User) -> None:
    """After a new password: this session goes on under a new key, the others end."""
    update_session_auth_hash(request, user)
    end_sessions(user, except_key=request.session.session_key)


def device_in_words(agent: str) -> str:
    """“Chrome on Windows”, as well as a User-Agent tells; “Unknown device” where it does not."""
    browser = next((name for mark, name in BROWSERS if mark in agent), "")
    system = next((name for mark, name in SYSTEMS if mark in agent), "")
    return " on ".join(filter(None, [browser, system])) or "Unknown device"


def _shown(row: Session, this: str = "") -> Shown:
    words = device_in_words(row.agent)
    return Shown(row.pk[:ID_LENGTH], words, row.address, row.signed_in_at, row.seen_at, row.pk == this)
