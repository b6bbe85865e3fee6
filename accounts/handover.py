"""What must find another owner when a member is away, leaves, or may no longer work on it. `patients` registers how."""

from collections.abc import Callable
from datetime import datetime

from accounts.models import Membership

HandOver = Callable[[Membership, Membership | None, datetime], int]
_kinds: dict[str, HandOver] = {}


def register(name: str, hand_over: HandOver) -> None:
    """Add a kind of thing that members own, from an AppConfig.ready().

    `hand_over(member, to, now)` gives what `member` owns to whom `accounts.absence.cover_for` names for `to`, or for
    the member himself where `to` is None, and returns how much moved.
    """
    _kinds[name] = hand_over


def hand_over(member: Membership, *, now: datetime, to: Membership | None = None) -> int:
    """Let everything that the member owns find its owner; returns how many things moved. Safe to run again."""
    return sum(give(member, to, now) for give in _kinds.values())
