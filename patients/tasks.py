"""Work of the clock on patients' rows: each task finds what is due in the tables and may run twice or not at all."""

import logging

from celery import shared_task

from accounts import absence, handover
from prm import clock
from prm.tenancy import platform, use_practice
from prm.tenancy.apart import apart

log = logging.getLogger(__name__)


@shared_task
def cover_absences() -> None:
    """Give the open work of members who are away to their covers: an absence begins at midnight, asked by nobody."""
    now = clock.now()
    for practice_id in platform.practices_with_absences(now):
        with apart(practice_id), use_practice(practice_id):
            away = absence.away_on(absence.today(now)).select_related("membership")
            moved = sum(handover.hand_over(one.membership, now=now) for one in away)
        if moved:
            log.info("absence.covered", extra={"practice_id": str(practice_id), "count": moved})
