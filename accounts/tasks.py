"""Celery tasks of accounts."""

import logging

from celery import shared_task
from kombu.exceptions import OperationalError

from accounts import password_reset
from prm import clock

log = logging.getLogger(__name__)


@shared_task
def mail_resets() -> None:
    """Make the mails of forgotten passwords that somebody asked for."""
    now = clock.now()
    for reset_id in password_reset.waiting(now=now):
        password_reset.mail_link(reset_id, now=now)


def nudge() -> None:
    """Ring for a worker now, whoever asked; without a broker beat does within seconds."""
    try:
        mail_resets.apply_async(queue="deliver", retry=False)
    except OperationalError:
        log.warning("signin.nudge_lost")
