"""Background work of surveys: ids and moments in, one call each."""

from celery import shared_task

from nps import ask
from prm import clock
from prm.tenancy import platform
from prm.tenancy.tasks import PracticeTask


@shared_task(queue="evaluate")
def settle_all() -> None:
    """Ring for every practice; safe to run twice."""
    for practice_id in platform.practice_ids():
        settle.for_practice(practice_id)


@shared_task(base=PracticeTask, queue="evaluate")
def settle() -> None:
    """Carry over what became of the practice's survey mails; a second run finds nothing more."""
    ask.settle(now=clock.now())
