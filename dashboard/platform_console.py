"""What the platform's operators see of all practices: counts, ages and states, never a person's data."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import redis
from celery import current_app
from django.conf import settings
from django.http import HttpRequest

from accounts.models import Practice
from prm import health
from prm.audit.record import record
from prm.tenancy import platform, use_practice

LATE = timedelta(minutes=5)  # a message that is due for longer is worth a look
QUIET = timedelta(hours=24)  # so is a live feed that was silent for longer
MONTHS = 13


@dataclass(frozen=True, slots=True)
class Line:
    """One practice as the console lists it; `worries` are words, empty where nothing needs a look."""

    facts: dict[str, Any]
    worries: list[str]


def practices(now: datetime) -> list[Line]:
    """Every practice by name, with what needs a look at `now` (aware)."""
    return [Line(facts, _worries(facts, now)) for facts in platform.practice_overview(now)]


def _worries(facts: dict[str, Any], now: datetime) -> list[str]:
    found = []
    if facts["due_since"] and now - facts["due_since"] > LATE and not facts["suspended_at"]:
        found.append("messages are late")
    if facts["unknown"]:
        found.append(f"{facts['unknown']} unknown")
    if facts["dead"]:
        found.append(f"{facts['dead']} dead letters")
    if facts["last_received_at"] and now - facts["last_received_at"] > QUIET:
        found.append("feed is silent")
    return found


def queue_lengths() -> dict[str, int | None]:
    """How many nudges wait in each of the broker's queues; None where the broker does not answer."""
    queues = sorted(queue.name for queue in current_app.conf.task_queues or ())
    if not settings.REDIS_URL:
        return dict.fromkeys(queues)
    try:
        limits = {"socket_connect_timeout": health.BROKER_SECONDS, "socket_timeout": health.BROKER_SECONDS}
        with redis.Redis.from_url(settings.REDIS_URL, **limits) as broker:
            return {queue: int(broker.llen(queue)) for queue in queues}
    except redis.RedisError:
        return dict.fromkeys(queues)


def months(now: datetime) -> list[datetime]:
    """The first moments (UTC) of this month and the twelve before, newest first."""
    year, month = now.astimezone(UTC).year, now.astimezone(UTC).month
    found = []
    for _step in range(MONTHS):
        found.append(datetime(year, month, 1, tzinfo=UTC))
        year, month = (year, month - 1) if month > 1 else (year - 1, 12)
    return found


def end_of_month(start: datetime) -> datetime:
    """The first moment of the month after the one that begins at `start`."""
    return (start.replace(day=28) + timedelta(days=4)).replace(day=1)


def suspend(practice_id: UUID, *, reason: str, now: datetime, request: HttpRequest | None = None) -> bool:
    """Stop a practice: its staff may only read, nothing leaves; webhooks are still kept. False where it was stopped."""
    stopped = Practice.objects.filter(pk=practice_id, suspended_at=None).update(suspended_at=now, suspended_for=reason)
    return _recorded(bool(stopped), practice_id, "practice.suspended", now=now, request=request)


def resume(practice_id: UUID, *, now: datetime, request: HttpRequest | None = None) -> bool:
    """Let a suspended practice run again. False where it runs, or is no more."""
    started = Practice.objects.filter(pk=practice_id).exclude(suspended_at=None)
    return _recorded(
        bool(started.update(suspended_at=None, suspended_for="")), practice_id, "practice.resumed",
        now=now, request=request,
    )  # fmt: skip


def _recorded(done: bool, practice_id: UUID, action: str, *, now: datetime, request: HttpRequest | None) -> bool:
    if done:
        with use_practice(practice_id):
            record(action, now=now, request=request, object_id=practice_id)
    return done
