"""Liveness, readiness, metrics."""

from datetime import UTC, datetime, timedelta

import pytest

from messaging.models import OutboxMessage, StaffMail
from prm import clock, health
from prm.tenancy import use_practice
from tests.factories.accounts import PracticeFactory
from tests.factories.patients import PatientFactory

NOON = datetime(2026, 11, 24, 17, tzinfo=UTC)


def test_liveness_needs_neither_database_nor_broker(client):
    # No database mark: pytest-django fails the test at the first query.
    assert client.get("/livez").content == b"ok\n"


@pytest.mark.django_db
def test_readiness_names_its_parts(client):
    assert client.get("/readyz").json() == {"status": "ok", "database": "ok", "migrations": "ok", "broker": "ok"}


@pytest.mark.django_db
@pytest.mark.parametrize("url", ["", "redis://127.0.0.1:1/0"])
def test_without_a_broker_it_is_ready_all_the_same(client, settings, url):
    settings.REDIS_URL = url
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["broker"]) == (200, "degraded")


@pytest.mark.django_db
def test_a_missing_migration_is_not_ready(client, monkeypatch):
    health.MIGRATED.clear()
    monkeypatch.setattr(health.MigrationExecutor, "migration_plan", lambda self, targets: ["one"])
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["migrations"]) == (503, "pending")


def test_a_database_that_is_away_is_not_ready(client, monkeypatch):
    monkeypatch.setattr(health, "_database", lambda: health.DOWN)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["database"], answer.json()["migrations"]) == (503, "down", "down")


def staff_mail(state, sealed):
    StaffMail.objects.create(
        kind="invitation", address="dana@example.com", dedupe_key=state, state=state, sealed=sealed, not_before=NOON,
        expires_at=NOON + timedelta(days=1),
    )  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_metrics_tell_what_waits_in_all_practices(client):
    for state, minutes in (("queued", 7), ("queued", 3), ("unknown", 60)):
        with use_practice(PracticeFactory().pk):
            OutboxMessage.objects.create(
                patient=PatientFactory(), channel="email", klass="care", purpose="treatment", topic="visits",
                state=state, dedupe_key=state, not_before=NOON - timedelta(minutes=minutes),
                expires_at=NOON + timedelta(days=1),
            )  # fmt: skip
    staff_mail("unknown", b""), staff_mail("queued", b"sealed"), staff_mail("sent", b"")
    with clock.at(NOON):
        lines = client.get("/metrics").content.decode().splitlines()
    found = dict(line.rsplit(" ", 1) for line in lines if line.startswith("prm_"))
    assert found['prm_outbox_messages{state="queued"}'] == "2.0"
    assert found['prm_outbox_messages{state="unknown"}'] == "1.0"
    assert found['prm_outbox_messages{state="started"}'] == "0.0"
    assert found['prm_staff_mail_messages{state="unknown"}'] == "1.0"
    assert found['prm_staff_mail_messages{state="queued"}'] == "1.0"
    assert found["prm_outbox_oldest_due_seconds"] == "420.0"
    assert found["prm_practices"] == "3.0"


@pytest.mark.django_db(databases=["default", "platform"])
@pytest.mark.parametrize(
    ("token", "request_has", "allowed"),
    [
        ("", {"REMOTE_ADDR": "127.0.0.1"}, True),
        ("", {"REMOTE_ADDR": "::1"}, True),
        ("", {"REMOTE_ADDR": "192.0.2.1"}, False),
        ("", {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "127.0.0.1"}, False),
        ("", {"REMOTE_ADDR": ""}, False),
        ("s3cret", {"REMOTE_ADDR": "192.0.2.1", "HTTP_AUTHORIZATION": "Bearer s3cret"}, True),
        ("s3cret", {"REMOTE_ADDR": "127.0.0.1"}, False),
        ("s3cret", {"REMOTE_ADDR": "127.0.0.1", "HTTP_AUTHORIZATION": "Bearer other"}, False),
    ],
)
def test_metrics_are_private(client, settings, token, request_has, allowed):
    settings.METRICS_TOKEN = token
    assert client.get("/metrics", **request_has).status_code == (200 if allowed else 404)
