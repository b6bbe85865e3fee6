"""Celery: PostgreSQL is the queue, the broker a doorbell (security.md section 4).

Every task is a poller's nudge or idempotent work by id: whatever the broker loses, the next tick of beat finds in the
database. So nothing is ever scheduled through the broker (no ETA, no countdown), and no result is kept.
"""

import os
from typing import Any

import psycopg2
from celery import Celery
from celery.beat import Scheduler
from kombu import Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "prm.settings")

QUEUES = ("ingest", "evaluate", "deliver", "report")
BEAT_LOCK = 0x70726D01  # "prm", 1: the advisory lock of the one beat that ticks
STANDBY_SECONDS = 5

# task -> (seconds between two nudges, queue). Each is safe to run twice, late, or not at all once.
SCHEDULE: dict[str, tuple[int, str]] = {
    "accounts.tasks.mail_resets": (10, "deliver"),
    "accounts.tasks.forget_answers": (3600, "report"),
    "integrations.tasks.find_stored": (10, "ingest"),
    "integrations.tasks.find_imports": (10, "ingest"),
    "integrations.tasks.sweep_folders": (30, "ingest"),
    "integrations.tasks.refresh_episodes": (3600, "ingest"),
    "integrations.tasks.forget_raw": (3600, "report"),
    "messaging.tasks.forget_bodies": (3600, "report"),
    "messaging.tasks.deliver_due": (5, "deliver"),
    "messaging.tasks.sweep_outbox": (30, "deliver"),
    "patients.tasks.cover_absences": (300, "evaluate"),
    "messaging.tasks.read_events": (10, "ingest"),
    "campaigns.tasks.tick": (60, "evaluate"),
    "nps.tasks.settle_all": (60, "evaluate"),
    "dashboard.tasks.remind_all": (3600, "report"),
    "prm.audit.tasks.seal_all": (900, "report"),
    "prm.tenancy.archive_tasks.find_exports": (60, "report"),
    "prm.tenancy.archive_tasks.erase_due": (900, "report"),
    "portal.tasks.answer_link_requests": (10, "deliver"),
}

app = Celery("prm")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    task_ignore_result=True,
    task_acks_late=True,  # a killed worker's task comes back; all of ours may run twice
    worker_prefetch_multiplier=1,
    task_time_limit=300,  # far below the visibility timeout, or a slow task would run twice at once
    task_soft_time_limit=280,
    broker_transport_options={
        "visibility_timeout": 3600,
        "unacked_restore_throttle": 1,  # after kill -9 redelivery took 101 s with the default 10
        "socket_timeout": 30,
        "socket_connect_timeout": 5,
    },
    broker_connection_retry_on_startup=True,
    task_queues=[Queue(name, routing_key=name) for name in QUEUES],
    task_default_queue="evaluate",
    task_routes={task: {"queue": queue} for task, (_seconds, queue) in SCHEDULE.items()},  # whoever rings
    task_create_missing_queues=False,  # a misspelt queue is an error, not a queue that nobody reads
    accept_content=["json"],
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    worker_hijack_root_logger=False,  # prm.logs writes JSON without PHI
    worker_max_tasks_per_child=2000,
    beat_max_loop_interval=STANDBY_SECONDS,
    beat_schedule={
        task: {"task": task, "schedule": seconds, "options": {"queue": queue, "expires": max(seconds, 10)}}
        for task, (seconds, queue) in SCHEDULE.items()
    },
)
app.autodiscover_tasks()


class OneBeat(Scheduler):
    """Celery's scheduler behind a PostgreSQL advisory lock: any number may run, one of them ticks.

    The lock belongs to a session, so it needs a connection past PgBouncer: DATABASE_URL_DIRECT, else the application's.
    Keeps no file: a missed tick is made up for by the next, since due times stand in the tables.
    """

    session: Any = None  # not `connection`: that name is the scheduler's own, to the broker

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send what is due where we hold the lock. Returns the seconds until the next call."""
        return super().tick(*args, **kwargs) if self.holds_lock() else STANDBY_SECONDS

    def holds_lock(self) -> bool:
        """True while this process is the one beat; takes the lock where it is free, notices a lost connection."""
        try:
            if self.session is None:
                return self._take_lock()
            with self.session.cursor() as cursor:
                cursor.execute("SELECT 1")
        except psycopg2.Error:
            self._let_go()
            return False
        return True

    def close(self) -> None:
        """Let another beat take over at once."""
        self._let_go()
        super().close()

    def _take_lock(self) -> bool:
        connection = psycopg2.connect(**direct_parameters(), connect_timeout=5)
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [BEAT_LOCK])
            taken = cursor.fetchone()[0]
        if taken:
            self.session = connection
        else:
            connection.close()
        return taken

    def _let_go(self) -> None:
        if self.session is not None:
            self.session.close()
            self.session = None


def direct_parameters() -> dict[str, Any]:
    """psycopg2's arguments for a session of our own: DATABASE_URL_DIRECT where it is set, else the alias `default`."""
    if url := os.environ.get("DATABASE_URL_DIRECT"):
        return {"dsn": url}
    from django.db import connection  # noqa: PLC0415  (Celery loads this module before Django's settings)

    return {key: value for key, value in connection.get_connection_params().items() if key != "cursor_factory"}
