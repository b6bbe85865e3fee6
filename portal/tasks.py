"""Answering requests for links: the rows are the queue, the broker only rings."""

import logging

from celery import shared_task
from kombu.exceptions import OperationalError

from accounts.models import Practice
from portal import requests
from prm import clock
from prm.tenancy import platform, use_practice
from prm.tenancy.apart import apart

log = logging.getLogger(__name__)


def nudge() -> None:
    """Ring for a worker now; without a broker beat does within seconds."""
    try:
        answer_link_requests.apply_async(queue="deliver", retry=False)
    except OperationalError:
        log.warning("link_requests.nudge_lost")


@shared_task
def answer_link_requests() -> None:
    """Answer what waits, practice by practice."""
    for practice_id in platform.practices_with_link_requests():
        with apart(practice_id), use_practice(practice_id):
            requests.answer_waiting(Practice.objects.get(pk=practice_id), now=clock.now())
