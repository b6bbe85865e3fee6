"""What messages said goes after the months that the practice chose; that they were sent stays."""

from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet

from accounts import retention
from accounts.models import Practice
from messaging.models import OutboxBody, OutboxMessage
from prm.audit.record import record
from prm.tenancy import current_practice_id

SETTLED = ("sent", "failed", "suppressed", "expired", "cancelled")


def would_go(before: datetime) -> int:
    """How many bodies of the open practice's settled messages are from before `before` (aware)."""
    return _old(before).count()


def forget_some(*, now: datetime) -> int:
    """Delete the bodies of the open practice's settled messages that are too old; returns how many.

    One slice (retention.SLICE_ROWS) in the caller's transaction; safe to run twice. Source: accounts/retention.py.
    """
    practice = Practice.objects.get(pk=current_practice_id())
    before = retention.cutoff(now, practice.keep_bodies_months)
    found = list(_old(before).values_list("pk", "created_at")[: retention.SLICE_ROWS])
    if not found:
        return 0
    bodies = OutboxBody.objects.filter(pk__in=[pk for pk, _at in found], at__in={at for _pk, at in found})
    gone = bodies.delete()[0]
    if gone:
        record("retention.bodies_deleted", now=now, count=gone, months=practice.keep_bodies_months)
    return gone


def _old(before: datetime) -> QuerySet[OutboxMessage]:
    """Those from before `before` whose body is still there, oldest first."""
    kept = OutboxBody.objects.filter(pk=OuterRef("pk"), at=OuterRef("created_at"))
    return OutboxMessage.objects.filter(Exists(kept), created_at__lt=before, state__in=SETTLED).order_by("created_at")
