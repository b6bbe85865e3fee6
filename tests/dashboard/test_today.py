"""The staff home: only what is real, for whom it is."""

from datetime import timedelta

import pytest

from accounts.models import Membership
from messaging.models import OutboxMessage
from nps import answer
from prm.audit.models import AuditEvent
from prm.tenancy import use_practice
from tests import statements
from tests.factories.accounts import staff_client
from tests.factories.nps import InvitationFactory, ResponseFactory
from tests.factories.patients import EpisodeFactory, VisitFactory
from tests.nps.conftest import NOW

pytestmark = pytest.mark.django_db


def home(desk):
    return f"/{desk.practice.slug}/"


def test_what_needs_me_stands_first_with_the_patients_words(as_, desk):
    page = as_("lead").get(home(desk)).content.decode()
    assert "1 thing needs you." in page
    assert "“Waited 40 minutes twice and nobody said sorry.”" in page
    assert "1 visit today" not in page
    assert "No visits today." in page


def test_a_colleague_is_not_told_of_what_is_not_his(desk):
    page = staff_client(desk.practice, Membership.Role.THERAPIST).get(home(desk)).content.decode()
    assert "Nothing needs you." in page
    assert "nobody said sorry" not in page


def test_the_owner_is_told_what_waits_for_colleagues(as_, desk):
    """A case that is overdue at somebody else's must not read as “nothing needs you” alone."""
    page = as_("owner").get(home(desk)).content.decode()
    assert f'<a href="/{desk.practice.slug}/inbox/?view=open">1 open with colleagues</a>' in page
    assert "with colleagues" not in as_("lead").get(home(desk)).content.decode()
    assert f'<a class="push" href="/{desk.practice.slug}/outbox/">Open</a>' in page


def test_who_is_active_with_nothing_booked_slips_away(as_, desk):
    with use_practice(desk.practice.pk):
        slipping = EpisodeFactory(last_visit_at=NOW - timedelta(days=9), planned_visits=12, missed_count=2)
        EpisodeFactory(last_visit_at=NOW - timedelta(days=9), next_visit_at=NOW + timedelta(days=1))
        EpisodeFactory(last_visit_at=NOW - timedelta(days=9), patient__deceased_at=NOW)
        EpisodeFactory(last_visit_at=NOW, status="discharged", discharged_at=NOW)
    shown = as_("owner").get(home(desk)).context["today"]
    assert ([e.pk for e in shown.slipping], shown.slipping_all) == ([slipping.pk], 1)


def test_the_visits_of_the_practices_day_in_order(as_, desk):
    """10 am in New York: a visit at 11:30 pm there is today, though tomorrow in UTC."""
    with use_practice(desk.practice.pk):
        late = VisitFactory(starts_at=NOW + timedelta(hours=13, minutes=30), status="booked")
        soon = VisitFactory(starts_at=NOW + timedelta(hours=1), status="booked", kind="evaluation")
        VisitFactory(starts_at=NOW - timedelta(hours=1))
        VisitFactory(starts_at=NOW + timedelta(hours=2), status="cancelled")
        VisitFactory(starts_at=NOW + timedelta(hours=14, minutes=1), status="booked")
    shown = as_("owner").get(home(desk)).context["today"]
    assert [v.pk for v in shown.visits] == [soon.pk, late.pk]
    assert (shown.visits_all, shown.first_visits) == (3, 1)


def test_the_months_score_needs_ten_answers_of_ten_patients(as_, desk):
    """One patient's two answers count once; last month's and a test's not at all."""
    client = as_("owner")
    assert "1 of 10 answers needed" in client.get(home(desk)).content.decode()
    with use_practice(desk.practice.pk):
        for _ in range(9):
            ResponseFactory(score=10)
        ResponseFactory(score=0, invitation__asked_at=NOW - timedelta(days=40))
        ResponseFactory(score=0, status="test")
        answer.answer(InvitationFactory(episode=desk.response.episode), 9, now=NOW)
    tally = client.get(home(desk)).context["today"].tally
    assert (tally.n, tally.promoters, tally.detractors, tally.shown) == (10, 10, 0, 100)


def test_what_left_today_is_counted_by_what_became_of_it(as_, desk):
    with use_practice(desk.practice.pk):
        for state, at in (("sent", NOW), ("sent", NOW - timedelta(days=1)), ("unknown", NOW), ("queued", NOW)):
            OutboxMessage.objects.create(
                channel="email", klass="care", purpose="treatment", topic="surveys", dedupe_key=f"{state}{at}",
                not_before=at, expires_at=at, state=state, state_at=at,
            )  # fmt: skip
    sent = as_("owner").get(home(desk)).context["today"].sent
    assert (sent.sent, sent.unknown) == (1, 1)


@pytest.mark.parametrize(
    ("role", "month", "outbox"),
    [
        ("owner", True, True), ("manager", True, True), ("therapist", False, False), ("front_desk", False, True),
        ("read_only", True, False),
    ],
)  # fmt: skip
def test_figures_by_role(desk, role, month, outbox):
    shown = staff_client(desk.practice, role).get(home(desk)).context["today"]
    assert (shown.tally is not None, shown.sent is not None) == (month, outbox)


def test_reading_is_audited(as_, desk):
    as_("owner").get(home(desk))
    with use_practice(desk.practice.pk):
        assert [e.action for e in AuditEvent.objects.all()] == ["today.read"]


def test_statements_do_not_grow_with_the_rows(as_, desk):
    client = as_("owner")

    def fill():
        with use_practice(desk.practice.pk):
            for _ in range(3):
                VisitFactory(
                    episode=EpisodeFactory(last_visit_at=NOW - timedelta(days=3)), status="booked",
                    starts_at=NOW + timedelta(hours=1),
                )  # fmt: skip
                answer.answer(InvitationFactory(episode=EpisodeFactory()), 3, now=NOW)

    def count():
        return len(statements.of_get(client, home(desk), savepoints=False))

    fill()
    few = count()
    fill()
    assert count() == few <= 12
