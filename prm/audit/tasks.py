"""Sealing and checking the record: beat looks who needs it, one task a practice does it."""

from celery import shared_task

from prm import clock
from prm.audit import checks, seal
from prm.tenancy import platform
from prm.tenancy.tasks import PracticeTask


@shared_task
def seal_all() -> None:
    """Wake the practices whose days of the past are not all sealed, or whose check is not finished."""
    for practice_id in platform.practices_with_audit_work(seal.last_closed_day(clock.now())):
        seal_practice.for_practice(practice_id)


@shared_task(base=PracticeTask, queue="report")
def seal_practice() -> None:
    """Seal what is open and begin a check of the chain after it; a second run finds nothing to do."""
    now = clock.now()
    if seal.seal_through(now=now):
        checks.begin(now=now)
    if checks.go_on(now=now):
        seal_practice.delay_on_commit()
