"""The EMR's messages go after the months that the practice chose; what came with them stays."""

from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet

from accounts import retention
from accounts.models import Practice
from integrations.models import RawMessage, RawMessageBody
from prm.audit.record import record
from prm.tenancy import current_practice_id

DONE_WITH = (RawMessage.State.APPLIED, RawMessage.State.IGNORED, RawMessage.State.EXPIRED)  # never what needs a look


def would_go(before: datetime) -> int:
    """How many bodies of the open practice's raw messages that are done with are from before `before` (aware)."""
    return _old(before).count()


def forget_some(*, now: datetime) -> int:
    """Delete the bodies of the open practice's raw messages that are too old and done with; returns how many.

    One slice (retention.SLICE_ROWS) in the caller's transaction; safe to run twice. Source: accounts/retention.py.
    """
    practice = Practice.objects.get(pk=current_practice_id())
    before = retention.cutoff(now, practice.keep_raw_months)
    found = list(_old(before).values_list("pk", "received_at")[: retention.SLICE_ROWS])
    if not found:
        return 0
    bodies = RawMessageBody.objects.filter(pk__in=[pk for pk, _at in found], at__in={at for _pk, at in found})
    gone = bodies.delete()[0]
    if gone:
        record("retention.raw_deleted", now=now, count=gone, months=practice.keep_raw_months)
    return gone


def _old(before: datetime) -> QuerySet[RawMessage]:
    """Those from before `before` whose body is still there, oldest first."""
    kept = RawMessageBody.objects.filter(pk=OuterRef("pk"), at=OuterRef("received_at"))
    return RawMessage.objects.filter(Exists(kept), received_at__lt=before, state__in=DONE_WITH).order_by("received_at")
