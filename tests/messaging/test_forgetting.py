"""Retention: what is too old goes, slice by slice; what is waiting, what needs a look, and the fact of it stay."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts import retention
from accounts.models import Practice
from integrations import forgetting as of_the_emr
from integrations.models import RawMessage, RawMessageBody
from messaging import forgetting, tasks
from messaging.models import OutboxBody, OutboxMessage
from prm import clock
from prm.audit.models import AuditEvent
from prm.tenancy import use_practice
from tests.factories.accounts import PracticeFactory
from tests.factories.integrations import FeedFactory
from tests.messaging.conftest import consenting
from tests.messaging.test_guard import message

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
OLD, YOUNG = datetime(2026, 8, 23, tzinfo=UTC), datetime(2026, 8, 25, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "months", "before"),
    [
        ((2026, 2, 28), 3, (2025, 11, 28)),
        ((2026, 2, 28), 13, (2025, 1, 28)),
        ((2026, 5, 31), 3, (2026, 2, 28)),
        ((2026, 12, 31), 6, (2026, 6, 30)),
    ],
)
def test_months_are_counted_by_the_calendar(now, months, before):
    assert retention.cutoff(datetime(*now, tzinfo=UTC), months) == datetime(*before, tzinfo=UTC)


def said(created_at, state="sent", **changes):
    one = message(
        consenting(), created_at=created_at, dedupe_key=f"{created_at} {state}", state=state,
        reason="x" if state in ("held", "failed") else "", **changes,
    )  # fmt: skip
    one.save()
    OutboxBody.objects.create(id=one.pk, at=created_at, content=b"sealed")
    return one.pk


def test_what_old_messages_said_goes_and_the_rest_stays(practice):
    Practice.objects.filter(pk=practice.pk).update(keep_bodies_months=3)
    old, failed = said(OLD), said(OLD, "failed")
    kept = {said(YOUNG), said(OLD, "held"), said(OLD, "unknown"), said(OLD, "queued")}

    assert forgetting.forget_some(now=NOW) == 2
    assert forgetting.forget_some(now=NOW) == 0

    assert set(OutboxBody.objects.values_list("pk", flat=True)) == kept
    assert set(OutboxMessage.objects.values_list("pk", flat=True)) == kept | {old, failed}
    assert list(AuditEvent.objects.values_list("action", "facts")) == [
        ("retention.bodies_deleted", {"count": 2, "months": 3})
    ]


def test_one_slice_at_a_time(practice, monkeypatch):
    monkeypatch.setattr(retention, "SLICE_ROWS", 2)
    Practice.objects.filter(pk=practice.pk).update(keep_bodies_months=3)
    for n in range(3):
        said(OLD + timedelta(minutes=n))
    assert [forgetting.forget_some(now=NOW) for _ in range(3)] == [2, 1, 0]


def raw(feed, received_at, state):
    one = RawMessage.objects.create(
        feed=feed, received_at=received_at, state=state, dedupe_key=f"{received_at} {state}"
    )
    RawMessageBody.objects.create(id=one.pk, at=received_at, body=b"sealed")
    return one.pk


def test_the_emrs_messages_go_but_what_needs_a_look_stays(practice):
    Practice.objects.filter(pk=practice.pk).update(keep_raw_months=3)
    feed = FeedFactory()
    gone = {raw(feed, OLD, state) for state in ("applied", "ignored")}
    kept = {raw(feed, OLD, "dead"), raw(feed, OLD, "stored"), raw(feed, YOUNG, "applied")}

    assert of_the_emr.forget_some(now=NOW) == 2

    assert set(RawMessageBody.objects.values_list("pk", flat=True)) == kept
    assert set(RawMessage.objects.values_list("pk", flat=True)) == kept | gone


@pytest.mark.django_db(transaction=True, databases=["default", "platform"])
def test_the_task_visits_every_practice_with_its_own_time():
    first, second = PracticeFactory(keep_bodies_months=3), PracticeFactory(keep_bodies_months=13)
    for one in (first, second):
        with use_practice(one.pk):
            said(OLD)

    with clock.at(NOW):
        tasks.forget_bodies()

    left = {}
    for one in (first, second):
        with use_practice(one.pk):
            left[one.pk] = OutboxBody.objects.count()
    assert left == {first.pk: 0, second.pk: 1}
