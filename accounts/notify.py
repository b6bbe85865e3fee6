"""The one way in which accounts write to staff: invitation, reset, a changed factor. Messaging registers the sender.

A notice names its kind and its facts; the words are the sender's. Facts hold no person's data but names of staff and
of the practice, and the address of a page (DESIGN.md section 1, registries).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from accounts.models import Practice

KINDS = frozenset({
    "invitation",  # join a practice; facts: inviter, role, url, expires
    "password_reset",  # facts: url, expires
    "password_changed",
    "factor_added",  # facts: factor
    "factor_removed",  # facts: factor
    "recovery_requested",  # to those who can confirm it; facts: who, url
    "recovery_confirmed",  # facts: by, url, expires
    "recovery_refused",  # facts: by
    "recovery_code_used",  # facts: left
    "recovery_codes_made",
    "sign_up",  # confirm the address and go on; facts: url, expires
    "support_grant",  # to the operators' and the owners' addresses; facts: until, reason
    "role_changed",  # facts: role
    "membership_ended",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Notice:
    """One mail to one member of staff; `practice` is None for what belongs to the person alone."""

    kind: str
    email: str
    name: str
    language: str
    dedupe_key: str
    practice: Practice | None = None
    facts: dict[str, Any] = field(default_factory=dict)


Sender = Callable[[Notice], None]
_senders: list[Sender] = []


def register(sender: Sender) -> None:
    """Say who sends staff mail. Called once, by messaging, from AppConfig.ready."""
    _senders[:] = [sender]


def send(notice: Notice) -> None:
    """Queue a notice in the caller's transaction. ValueError for an unknown kind."""
    if notice.kind not in KINDS:
        raise ValueError(f"unknown notice {notice.kind!r}")
    for sender in _senders:
        sender(notice)
