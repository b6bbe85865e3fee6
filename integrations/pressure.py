"""Back-pressure: where a practice's messages pile up, senders wait instead of the queue growing without end."""

from collections.abc import Collection
from uuid import UUID

from integrations.models import RawMessage
from prm.tenancy import platform

BACKLOG = 50_000  # messages of a practice that are stored and not applied; beyond that nothing more is taken in


def full_practices(practice_ids: Collection[UUID]) -> set[UUID]:
    """Those of the practices whose backlog is too long."""
    return set(platform.practices_with_backlog(practice_ids, BACKLOG)) if practice_ids else set()


def is_full() -> bool:
    """Whether the open practice's backlog is too long."""
    waiting = RawMessage.objects.filter(state=RawMessage.State.STORED)
    return waiting.order_by()[BACKLOG : BACKLOG + 1].exists()
