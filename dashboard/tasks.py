"""Background work of the dashboard: ids and moments in, one call each."""

from celery import shared_task

from accounts.models import Practice
from dashboard import reminders
from prm import clock
from prm.tenancy import current_practice_id, platform
from prm.tenancy.tasks import PracticeTask


@shared_task(queue="report")
def remind_all() -> None:
    """Ring for every practice; safe to run twice."""
    for practice_id in platform.practice_ids():
        remind.for_practice(practice_id)


@shared_task(base=PracticeTask, queue="report")
def remind() -> None:
    """Bring agreements that end soon to the inbox; a second run brings none."""
    reminders.remind_of_agreements(Practice.objects.get(pk=current_practice_id()), now=clock.now())
