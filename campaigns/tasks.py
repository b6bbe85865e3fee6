"""Beat's tick and the evaluation of one practice (campaigns.md §7)."""

from datetime import datetime

from celery import shared_task

from campaigns import evaluate
from prm import clock
from prm.tenancy import platform
from prm.tenancy.tasks import PracticeTask


@shared_task(queue="evaluate")
def tick() -> None:
    """Every minute: wake the practices in which something is due or changed; all of them at the same instant."""
    at = clock.now()
    for practice_id in platform.practices_to_evaluate(at):
        evaluate_practice.for_practice(practice_id, at.isoformat())


@shared_task(base=PracticeTask, queue="evaluate")
def evaluate_practice(at: str) -> None:
    """Decide and release what is due at `at` (UTC); a second run adds nothing.

    With more to do than one claim may take it queues itself again, for the same instant.
    """
    progress = evaluate.tick(at=datetime.fromisoformat(at))
    if progress is not None and not progress.complete:
        evaluate_practice.delay_on_commit(at)
