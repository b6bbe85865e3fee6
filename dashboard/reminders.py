"""Agreements that end soon come to a manager's inbox, and leave it when they no longer do (daily.md §13)."""

from datetime import datetime, time

from accounts import agreements
from accounts.models import Agreement, Membership, Practice
from patients import worklist
from patients.models import WorkItem
from prm import clock

KIND = "agreement_ending"
ENDS_AT = time(17)  # of the practice's day


def remind_of_agreements(practice: Practice, *, now: datetime) -> int:
    """Open an item for each signed agreement that ends within 30 days of `now` (aware), close those that do not.

    Due on the agreement's last day. Returns how many were opened. In the open practice; a second run opens none.
    """
    ending = {row.pk: row for row in agreements.ending(now.astimezone(practice.zone).date())}
    waiting = {item.subject_id: item for item in WorkItem.objects.open().filter(kind=KIND)}
    for subject, item in waiting.items():
        if subject not in ending:
            worklist.close_item(item, now=now, by=None)
    known = set(WorkItem.objects.filter(kind=KIND, subject_id__in=ending).values_list("subject_id", "due_at"))
    opened = 0
    for row in ending.values():
        due_at = clock.local_moment(row.expires_on, ENDS_AT, practice.zone)  # type: ignore[arg-type]  # ending ones have one
        if (row.pk, due_at) not in known:  # once for each end: closed by hand it stays closed
            _open(row, due_at, now=now)
            opened += 1
    return opened


def _open(row: Agreement, due_at: datetime, *, now: datetime) -> None:
    managers = Membership.objects.filter(ended_at=None, role__in=[Membership.Role.MANAGER, Membership.Role.OWNER])
    owner = managers.order_by("role", "id").first()  # "manager" sorts before "owner"
    worklist.open_item(KIND, row, now=now, due_at=due_at, owner=owner, line=row.label)
