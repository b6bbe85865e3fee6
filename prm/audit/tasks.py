"""Sealing and checking the record: beat looks who needs it, one task a practice does it."""

import logging
from uuid import UUID

from celery import shared_task
from django.db import transaction
from kombu.exceptions import OperationalError

from prm import clock
from prm.audit import checks, seal
from prm.tenancy import current_practice_id, platform
from prm.tenancy.tasks import PracticeTask

log = logging.getLogger(__name__)


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


def nudge() -> None:
    """Ring for the open practice once the caller has committed. Without a broker beat does within 15 minutes."""
    practice_id = current_practice_id()
    transaction.on_commit(lambda: _ring(practice_id))


def _ring(practice_id: UUID) -> None:
    try:
        seal_practice.for_practice(practice_id)
    except OperationalError:
        log.warning("audit.nudge_lost")
