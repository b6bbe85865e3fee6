"""Celery rings, PostgreSQL is the queue: each task finds its work in the tables and may run twice or not at all.

Beat and the nudges name the queue: a `queue` of the task itself is deprecated in Celery 5.7.
"""

import logging
from datetime import timedelta

from celery import shared_task
from kombu.exceptions import OperationalError

from accounts import retention
from messaging import channels, forgetting
from messaging.outbox import deliver, events, outcomes
from messaging.staff_mail import deliver as staff_mail
from prm import clock
from prm.tenancy import platform, use_practice
from prm.tenancy.apart import apart

log = logging.getLogger(__name__)


def nudge() -> None:
    """Ring for a worker now. A broker that is away costs seconds: beat rings again."""
    try:
        deliver_due.apply_async(queue="deliver", retry=False)
    except OperationalError:
        log.warning("outbox.nudge_lost")


@shared_task
def deliver_due() -> None:
    """Send what is due on every channel that somebody carries, and to staff; rings again where time ended first."""
    more = False
    for channel in channels.channels():
        more |= deliver.deliver_due(channel).more
    more |= staff_mail.deliver_due().more
    if more:
        nudge()


@shared_task
def sweep_outbox() -> None:
    """Settle the rows of workers that died."""
    now = clock.now()
    for practice_id in platform.practices_with_dead_leases(now):
        with apart(practice_id):
            with use_practice(practice_id):
                again, unknown = outcomes.sweep(now=now)
            log.info("outbox.swept", extra={"count": again, "due": unknown})
    staff_mail.sweep(now=now)


@shared_task
def forget_bodies() -> None:
    """What messages said goes where it is too old, slice by slice; the next hour goes on where time ends."""
    ends = clock.now() + timedelta(seconds=retention.SLICE_SECONDS)
    for practice_id in platform.practice_ids():
        with apart(practice_id):
            more = True
            while more and clock.now() < ends:
                with use_practice(practice_id):
                    more = forgetting.forget_some(now=clock.now()) > 0


@shared_task
def read_events() -> None:
    """Work in what providers have told and nobody has read yet."""
    for practice_id in platform.practices_with_unread_events():
        with apart(practice_id), use_practice(practice_id):
            events.read_stored(now=clock.now())


def nudge_events() -> None:
    """Ring for the reader of events; without a broker beat does within seconds."""
    try:
        read_events.apply_async(queue="ingest", retry=False)
    except OperationalError:
        log.warning("events.nudge_lost")
