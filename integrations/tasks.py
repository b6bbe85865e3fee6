"""Celery rings, the table of raw messages is the queue: each task finds its work there and may run twice."""

import logging
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.db.models import F
from kombu.exceptions import OperationalError

from accounts import retention
from accounts.models import Practice
from integrations import forgetting, lapse
from integrations.apply import apply_stored
from integrations.csvfile import drop, running
from integrations.kinds import KINDS
from integrations.models import Feed, ImportBatch, RawMessage
from prm import clock
from prm.tenancy import platform, use_practice
from prm.tenancy.apart import apart
from prm.tenancy.tasks import PracticeTask

log = logging.getLogger(__name__)


@shared_task(queue="ingest")
def find_stored() -> None:
    """Ring for every feed that has messages waiting; one batch each, so that no feed keeps the others waiting."""
    for practice_id, feed_id in platform.feeds_with_stored_messages():
        apply_feed.for_practice(practice_id, str(feed_id))


@shared_task(base=PracticeTask, queue="ingest")
def apply_feed(feed_id: str) -> None:
    """Apply one batch of a feed; rings again where there is more, and settles the uploads that are through."""
    feed = Feed.objects.filter(pk=UUID(feed_id)).exclude(state=Feed.State.PAUSED).first()
    if feed is None:
        return
    now = clock.now()
    handled = apply_stored(feed, now=now)
    log.info("integrations.applied", extra={"count": len(handled)})
    if len(handled) == KINDS[feed.kind].per_turn:
        apply_feed.delay_on_commit(feed_id)
    stored = ImportBatch.objects.filter(feed=feed, state=ImportBatch.State.RUNNING, done_rows__gte=F("rows"))
    for batch in stored:
        if not RawMessage.objects.filter(batch=batch, state=RawMessage.State.STORED).exists():
            ImportBatch.objects.filter(pk=batch.pk).update(state=ImportBatch.State.DONE, finished_at=now)


@shared_task(queue="ingest")
def find_imports() -> None:
    """Ring for each uploaded file that waits, or has rows to store: a lost ring or a kill costs seconds."""
    for practice_id, batch_id in platform.imports_to_run():
        run_import.delay(str(practice_id), str(batch_id))


@shared_task(queue="ingest")
def run_import(practice_id: str, batch_id: str) -> None:
    """Check an uploaded file, or store rows of it for a slice of time; rings again where rows are left."""
    with use_practice(UUID(practice_id)):
        practice = Practice.objects.get(pk=UUID(practice_id))
        waiting = ImportBatch.objects.select_for_update(skip_locked=True, of=("self",)).select_related("feed")
        batch = waiting.filter(pk=UUID(batch_id), state=ImportBatch.State.WAITING).first()
        if batch is not None:
            running.check(batch, now=clock.now())
    if running.run_slice(practice, UUID(batch_id)):
        run_import.delay(practice_id, batch_id)


@shared_task(queue="ingest")
def sweep_folders() -> None:
    """Take in what was dropped into the folders of feeds of files, where the operator has set PRM_DROP_DIR."""
    if not settings.DROP_DIR:
        return
    root, now = Path(settings.DROP_DIR), clock.now()
    for practice_id in platform.practice_ids():
        with apart(practice_id):
            with use_practice(practice_id):
                practice = Practice.objects.get(pk=practice_id)
                feeds = list(Feed.objects.filter(kind=Feed.Kind.CSV).exclude(state=Feed.State.PAUSED))
            for feed in feeds if (root / practice.public_id).is_dir() else ():
                for batch in drop.sweep(root, practice, feed, now=now):
                    run_import.delay(str(practice_id), str(batch.pk))


def nudge_import(batch: ImportBatch) -> None:
    """Ring for an uploaded file once the caller's transaction has committed."""
    try:
        run_import.delay_on_commit(str(batch.practice_id), str(batch.pk))
    except OperationalError:
        log.warning("integrations.nudge_lost")


def nudge(feed: Feed) -> None:
    """Ring for a feed once the caller's transaction has committed. A lost ring costs seconds: beat rings again."""
    try:
        apply_feed.delay_on_commit(str(feed.pk))
    except OperationalError:
        log.warning("integrations.nudge_lost")


@shared_task(queue="report")
def forget_raw() -> None:
    """The EMR's messages go where they are too old, slice by slice; the next hour goes on where time ends."""
    ends = clock.now() + timedelta(seconds=retention.SLICE_SECONDS)
    for practice_id in platform.practice_ids():
        with apart(practice_id):
            more = True
            while more and clock.now() < ends:
                with use_practice(practice_id):
                    more = forgetting.forget_some(now=clock.now()) > 0


@shared_task(queue="ingest")
def refresh_episodes() -> None:
    """Hourly: bookings that have passed, episodes that lapsed."""
    now = clock.now()
    for practice_id in platform.practice_ids():
        with apart(practice_id), use_practice(practice_id):
            lapse.refresh(now=now)
