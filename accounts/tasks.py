"""Celery tasks of accounts."""

import logging

from celery import shared_task
from kombu.exceptions import OperationalError

from accounts import password_reset, retention
from prm import clock
from prm.api import idempotency
from prm.api.models import KeptAnswer
from prm.tenancy import platform, use_practice
from prm.tenancy.apart import apart

log = logging.getLogger(__name__)


@shared_task
def mail_resets() -> None:
    """Make the mails of forgotten passwords that somebody asked for."""
    now = clock.now()
    for reset_id in password_reset.waiting(now=now):
        password_reset.mail_link(reset_id, now=now)


@shared_task
def forget_answers() -> None:
    """Answers of the API that were kept for a second asking go after their day, also where nobody asks any more."""
    now = clock.now()
    ends = now + clock.timedelta(seconds=retention.SLICE_SECONDS)
    for practice_id in platform.practices_with_old_answers(now - KeptAnswer.LASTS):
        with apart(practice_id):
            gone = idempotency.SWEPT
            while gone == idempotency.SWEPT and clock.now() < ends:
                with use_practice(practice_id):
                    gone = idempotency.sweep(now=now)


def nudge() -> None:
    """Ring for a worker now, whoever asked; without a broker beat does within seconds."""
    try:
        mail_resets.apply_async(queue="deliver", retry=False)
    except OperationalError:
        log.warning("signin.nudge_lost")
