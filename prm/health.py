"""Is it alive, is it ready, how far behind is it: `/livez`, `/readyz`, `/metrics` (security.md section 4)."""

import ipaddress
import secrets
from collections.abc import Callable
from datetime import datetime

import redis
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Gauge, generate_latest

from prm import clock
from prm.tenancy import platform

BROKER_SECONDS = 1  # how long readiness waits for the broker
OK, DOWN, PENDING, DEGRADED = "ok", "down", "pending", "degraded"
MIGRATED: set[str] = set()  # database names that were seen fully migrated; asked once a process, it is a slow question


@login_not_required
@require_safe
def livez(request: HttpRequest) -> HttpResponse:
    """The process answers. Touches nothing else: a slow database must not get web processes killed."""
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """200 where requests can be served, else 503. Without a broker they can: it only makes things quicker."""
    found = checks()
    ready = found["database"] == found["migrations"] == OK
    return JsonResponse({"status": OK if ready else DOWN, **found}, status=200 if ready else 503)


@login_not_required
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus' text format. A 404 for whom it is not meant: with PRM_METRICS_TOKEN its bearer, else this machine."""
    if not _may_read(request):
        raise Http404
    text = generate_latest(REGISTRY) + generate_latest(gauges(now=clock.now()))
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST)


def checks() -> dict[str, str]:
    """What readiness asks: database, migrations, broker, each `ok` or what is wrong with it."""
    found = {"database": _database()}
    found["migrations"] = _migrations() if found["database"] == OK else DOWN
    found["broker"] = _broker()
    return found


def gauges(*, now: datetime) -> CollectorRegistry:
    """What the database tells about the work that waits, over all practices: counts and ages, nobody's data."""
    registry = CollectorRegistry()
    by_state = Gauge("prm_outbox_messages", "Messages that are not settled, by state", ["state"], registry=registry)
    for state, count in platform.outbox_by_state().items():
        by_state.labels(state=state).set(count)
    to_staff = Gauge("prm_staff_mail_messages", "Mails to staff on their way or unknown", ["state"], registry=registry)
    for state, count in platform.staff_mail_by_state().items():
        to_staff.labels(state=state).set(count)
    oldest = platform.oldest_due_message()
    age = Gauge("prm_outbox_oldest_due_seconds", "Age of the oldest message that is due and queued", registry=registry)
    age.set(max(0.0, (now - oldest).total_seconds()) if oldest else 0)
    practices = Gauge("prm_practices", "Practices that are not suspended", registry=registry)
    practices.set(len(platform.practice_ids()))
    return registry


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return DOWN
    return OK


def _migrations() -> str:
    name = str(connection.settings_dict["NAME"])
    if name in MIGRATED:
        return OK
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except Error:
        return DOWN
    if missing:
        return PENDING
    MIGRATED.add(name)
    return OK


def _broker() -> str:
    if not settings.REDIS_URL:
        return DEGRADED
    limits = {"socket_connect_timeout": BROKER_SECONDS, "socket_timeout": BROKER_SECONDS}
    try:
        with redis.Redis.from_url(settings.REDIS_URL, **limits) as broker:
            broker.ping()
    except redis.RedisError:
        return DEGRADED
    return OK


def _may_read(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return secrets.compare_digest(given.encode(), settings.METRICS_TOKEN.encode())
    # A proxy on this machine is loopback too: what it forwards came from elsewhere.
    forwarded = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
    return not forwarded and _is_loopback(request.META.get("REMOTE_ADDR", ""))


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


VIEWS: dict[str, Callable[[HttpRequest], HttpResponse]] = {"livez": livez, "readyz": readyz, "metrics": metrics}
