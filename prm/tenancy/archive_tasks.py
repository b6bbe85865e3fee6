"""Making exports and carrying out closings: beat looks what is open, each run does a part of it."""

import logging
from uuid import UUID

from celery import shared_task
from django.db import transaction
from kombu.exceptions import OperationalError

from prm import clock
from prm.tenancy import closing, current_practice_id, exports, platform
from prm.tenancy.apart import apart
from prm.tenancy.tasks import PracticeTask

log = logging.getLogger(__name__)


@shared_task
def find_exports() -> None:
    """Wake the practices whose export is being made, or has files to remove."""
    for practice_id in platform.practices_with_open_exports():
        export_slice.for_practice(practice_id)


@shared_task(base=PracticeTask, queue="report")
def export_slice() -> None:
    """Make one part of the open export; rings again while more remains."""
    now = clock.now()
    exports.remove_expired(now=now)
    if exports.go_on(now=now):
        export_slice.delay_on_commit()


@shared_task
def erase_due() -> None:
    """Carry out the closings whose 30 days are over; what is stopped goes on at the next call."""
    now = clock.now()
    for closure in closing.due(now):
        with apart(closure.closed_practice):
            closing.erase(closure, now=now)


def nudge() -> None:
    """Ring for the open practice's export once the caller has committed. Without a broker beat does within a minute."""
    practice_id = current_practice_id()
    transaction.on_commit(lambda: _ring(practice_id))


def _ring(practice_id: UUID) -> None:
    try:
        export_slice.for_practice(practice_id)
    except OperationalError:
        log.warning("export.nudge_lost")
