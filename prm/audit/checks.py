"""Checks of a whole chain, in slices with their cursor in the database: six years of events take longer than a task."""

import time
from datetime import datetime, timedelta

from prm import clock
from prm.audit import seal
from prm.audit.models import AuditCheck, AuditSeal

SLICE_SECONDS = 40
MOST_FINDINGS = 50


def newest() -> AuditCheck | None:
    """The check that was begun last, of the open practice."""
    return AuditCheck.objects.order_by("-started_at").first()


def sealed_through() -> AuditSeal | None:
    """The newest seal of the open practice."""
    return AuditSeal.objects.order_by("-day").first()


def begin(*, now: datetime) -> AuditCheck:
    """The check that is open, or a new one; `go_on` does its work."""
    made, _new = AuditCheck.objects.get_or_create(finished_at=None, defaults={"started_at": now})
    return made


def go_on(*, now: datetime, seconds: float = SLICE_SECONDS) -> bool:
    """One slice of the open check, if there is one; True where more remains."""
    found = AuditCheck.objects.select_for_update(skip_locked=True).filter(finished_at=None).first()
    if found is None:
        return False
    ends = time.monotonic() + seconds
    done = seal.check(now=now, begin=found.next_day, previous=found.previous, stop_at=lambda: time.monotonic() > ends)
    found.days, found.events = found.days + done.days, found.events + done.events
    found.through, found.previous = done.through or found.through, done.previous
    found.next_day = done.through + timedelta(days=1) if done.through else None
    found.findings = [
        *found.findings, *({"day": one.day.isoformat(), "what": one.what} for one in done.findings),
    ][:MOST_FINDINGS]  # fmt: skip
    if done.complete:
        found.finished_at = clock.now()
    found.save()
    return not done.complete
