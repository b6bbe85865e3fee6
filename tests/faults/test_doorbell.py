"""Celery is a doorbell: real beat, real worker, and a broker that forgets everything in the middle."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg2
import pytest
import redis
from django.conf import settings

from messaging.compose import library
from messaging.models import OutboxMessage
from messaging.outbox import queue
from prm import celery
from prm.tenancy import use_practice
from tests.factories.accounts import PracticeFactory
from tests.messaging.conftest import consenting

BASE = Path(__file__).resolve().parent.parent.parent
PATIENCE = 90  # seconds: a loaded machine starts Celery slowly
QUICK_BEAT = """
import sys
from prm.celery import app
for entry in app.conf.beat_schedule.values():
    entry["schedule"] = 1
app.start(["-q", "beat", "-S", "prm.celery:OneBeat", "--pidfile=", "--loglevel", "ERROR"])
"""
WORKER = ["-m", "celery", "-q", "-A", "prm", "worker", "-Q", ",".join(celery.QUEUES), "-c", "1", "--loglevel", "ERROR"]


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen]:
    """A program of ours against this test's database and broker; its whole group is gone at the end."""
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", *arguments], cwd=BASE, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"not within {PATIENCE} s: {what}"
        time.sleep(0.1)


def queue_mails(practice, count: int) -> None:
    with use_practice(practice.pk):
        version = library.version(practice, library.SURVEY)
        queue.enqueue_many(
            practice,
            [
                queue.Draft(
                    patient=patient, channel="email", purpose="treatment", topic="surveys", klass="care",
                    template_version=version, dedupe_key=f"mail-{patient.pk}",
                    context={"links.survey": f"https://prm.example/portal/p/{patient.pk}"},
                )
                for patient in (consenting() for _ in range(count))
            ],
        )  # fmt: skip


def states(practice) -> Counter:
    with use_practice(practice.pk):
        return Counter(OutboxMessage.objects.values_list("state", flat=True))


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_emptied_again_and_again_loses_no_message():
    practice = PracticeFactory()
    broker = redis.Redis.from_url(settings.REDIS_URL)
    with ExitStack() as stack:
        stack.enter_context(broker)
        stack.enter_context(running("-c", QUICK_BEAT))
        queue_mails(practice, 5)
        until(lambda: broker.llen("deliver") > 0, "beat rings")
        broker.flushdb()  # nothing has been read yet, and the bindings are gone too
        stack.enter_context(running(*WORKER))
        until(lambda: states(practice) == {"sent": 5}, "the first five leave")
        for round_number in range(1, 4):
            queue_mails(practice, 2)
            broker.flushdb()
            expected = {"sent": 5 + 2 * round_number}
            until(lambda expected=expected: states(practice) == expected, f"{expected} after a flush")

    assert states(practice) == {"sent": 11}


@pytest.mark.django_db(transaction=True)
def test_of_two_beats_one_ticks_and_the_other_takes_over_when_it_is_killed():
    first, second = (celery.OneBeat(app=celery.app, lazy=True) for _ in range(2))

    assert [first.holds_lock(), second.holds_lock(), first.holds_lock()] == [True, False, True]

    pid = first.session.info.backend_pid
    with second_session() as session, session.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])  # as if the machine of the first had died
    until(lambda: second.holds_lock(), "the second takes over")
    assert first.holds_lock() is False
    second.close()
    assert first.holds_lock() is True
    first.close()


@contextmanager
def second_session() -> Iterator[psycopg2.extensions.connection]:
    connection = psycopg2.connect(**celery.direct_parameters())
    connection.autocommit = True
    try:
        yield connection
    finally:
        connection.close()


def test_beat_rings_only_for_tasks_that_exist_on_queues_that_are_read():
    celery.app.loader.import_default_modules()

    assert set(celery.SCHEDULE) <= set(celery.app.tasks)
    assert {queue_name for _seconds, queue_name in celery.SCHEDULE.values()} <= set(celery.QUEUES)
    ours = {task for name, task in celery.app.tasks.items() if not name.startswith("celery.")}
    queues = {task.name: getattr(task, "queue", None) or celery.SCHEDULE[task.name][1] for task in ours}
    assert set(queues.values()) <= set(celery.QUEUES)
