"""The report's figures against a count by hand: the period rule, the parts, other practices, rates, recovery."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from messaging.models import OutboxMessage
from nps import reports
from nps.models import Response, SurveyInvitation
from nps.reports import Part, Scope
from nps.score import Tally, Verdict
from prm.tenancy import use_practice
from prm.ui import period as periods
from tests.factories.accounts import ClinicFactory, PracticeFactory, TherapistFactory
from tests.factories.nps import CaseFactory, InvitationFactory, ResponseFactory, SurveyFactory
from tests.factories.patients import EpisodeFactory, PatientFactory

pytestmark = pytest.mark.django_db
NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime(2026, 11, 24, 16, tzinfo=UTC)
OCTOBER = periods.resolve({}, NOW, NEW_YORK)
BEFORE_HALLOWEEN = datetime(2026, 10, 20, 15, tzinfo=UTC)


def answer(score: int, at: datetime = BEFORE_HALLOWEEN, **fields):
    """One answer of `score` at `at`; a person of its own unless `patient` is given."""
    patient = fields.pop("patient", None) or PatientFactory()
    place = {key: fields.pop(key) for key in ("clinic", "therapist") if key in fields}
    episode = EpisodeFactory(patient=patient, **place)
    stage = fields.pop("stage", "early")
    invitation = InvitationFactory(episode=episode, asked_at=at - timedelta(hours=1), stage=stage)
    return ResponseFactory(invitation=invitation, score=score, answered_at=at, **fields)


def whole(period=OCTOBER, scope=None) -> Tally:
    """The tally of a period."""
    return reports.report(period, scope or Scope(), now=NOW).now


def test_the_score_by_hand(practice):
    """8 promoters, 2 passives, 2 detractors of which one gave 0: 100 (8 - 2) / 12 = 50."""
    for score in [10] * 6 + [9, 9, 8, 7, 6, 0]:
        answer(score)

    found = reports.report(OCTOBER, Scope(), now=NOW)
    p, d = 8.75 / 15, 2.75 / 15
    half = 1.959964 * ((p + d - (p - d) ** 2) / 15) ** 0.5

    assert (found.now, found.now.nps) == (Tally(8, 2, 2), 50)
    assert found.now.interval == pytest.approx((100 * (p - d - half), 100 * (p - d + half)), abs=0.001)
    assert [found.scores[score] for score in range(11)] == [1, 0, 0, 0, 0, 0, 1, 1, 1, 2, 6]


def test_what_is_no_answer_of_the_period_does_not_count(practice):
    kept = answer(10)
    answer(0, status=Response.Status.TEST)
    answer(0, status=Response.Status.WITHDRAWN)
    answer(0, kind=Response.Kind.RESURVEY)
    answer(0, kind=Response.Kind.IMPORTED)
    answer(0, channel=Response.Channel.STAFF)
    answer(0, question_version="our-own-1")

    assert whole() == Tally(1)
    assert kept in Response.objects.counted()


def test_the_period_ends_at_midnight_in_the_practice_also_when_the_clocks_change(practice):
    """November 1 begins at 04:00 UTC in New York, October 1 too; both edges are half-open."""
    answer(10, datetime(2026, 10, 1, 4, tzinfo=UTC))
    answer(9, datetime(2026, 11, 1, 3, 59, 59, tzinfo=UTC))
    answer(0, datetime(2026, 10, 1, 3, 59, 59, tzinfo=UTC))
    answer(0, datetime(2026, 11, 1, 4, tzinfo=UTC))

    assert whole() == Tally(2)


def test_each_person_s_latest_answer_counts_and_a_tie_goes_to_the_higher_id(practice):
    twice, tied = PatientFactory(), PatientFactory()
    answer(0, BEFORE_HALLOWEEN, patient=twice)
    answer(10, BEFORE_HALLOWEEN + timedelta(days=1), patient=twice)
    first, second = (answer(score, patient=tied) for score in (10, 0))

    assert second.pk > first.pk
    assert whole() == Tally(promoters=1, detractors=1)


def test_the_latest_is_taken_within_the_period_not_of_all_time(practice):
    patient = PatientFactory()
    answer(10, patient=patient)
    answer(0, datetime(2026, 11, 10, tzinfo=UTC), patient=patient)

    assert whole() == Tally(1)


def test_a_merged_patient_is_the_survivor(practice):
    survivor = PatientFactory()
    answer(10, patient=survivor)
    answer(0, BEFORE_HALLOWEEN - timedelta(days=1), patient=PatientFactory(merged_into=survivor))

    assert whole() == Tally(1)


def test_parts_may_add_up_to_more_than_the_whole(practice):
    harbor, eastside = ClinicFactory(name="Harbor"), ClinicFactory(name="Eastside")
    priya, lena = TherapistFactory(first_name="Priya"), TherapistFactory(first_name="Lena")
    patient = PatientFactory()
    answer(10, patient=patient, clinic=harbor, therapist=priya)
    answer(0, BEFORE_HALLOWEEN + timedelta(days=1), patient=patient, clinic=eastside, therapist=lena, stage="mid")
    answer(7, clinic=harbor, therapist=lena, channel="sms")

    found = reports.report(OCTOBER, Scope(), now=NOW)

    assert found.now == Tally(0, 1, 1)
    assert {row.name: row.tally for row in found.by_clinic} == {"Harbor": Tally(1, 1), "Eastside": Tally(0, 0, 1)}
    assert {row.name: row.tally for row in found.by_therapist} == {str(priya): Tally(1), str(lena): Tally(0, 1, 1)}
    assert {row.key: row.tally for row in found.by_stage} == {"early": Tally(1, 1), "mid": Tally(0, 0, 1)}
    assert {row.key: row.tally for row in found.by_channel} == {"email": Tally(0, 0, 1), "sms": Tally(0, 1)}


def test_a_filter_comes_before_the_choice_of_the_latest(practice):
    harbor, eastside = ClinicFactory(), ClinicFactory()
    patient = PatientFactory()
    answer(10, patient=patient, clinic=harbor)
    answer(0, BEFORE_HALLOWEEN + timedelta(days=1), patient=patient, clinic=eastside)

    assert whole(scope=Scope(clinic=harbor)) == Tally(1)
    assert whole(scope=Scope(stage="post")) == Tally()


def test_rank_needs_30_answers(practice):
    clinics = {name: ClinicFactory(name=name) for name in ("Few", "Thin A", "Thin Z", "High", "Low")}
    for name, scores in {
        "Few": [0] * 9, "Thin A": [0] * 10, "Thin Z": [10] * 29, "High": [10] * 30, "Low": [9] * 15 + [0] * 15,
    }.items():  # fmt: skip
        for score in scores:
            answer(score, clinic=clinics[name])

    rows = reports.report(OCTOBER, Scope(), now=NOW).by_clinic

    assert [row.name for row in rows] == ["High", "Low", "Thin A", "Thin Z", "Few"]
    assert [row.figure.text for row in rows] == ["100", "0", "−100", "100", "9 of 10 answers needed"]


def test_other_practices_rows_are_never_counted(practice):
    """Rows that would show if the filter or the wall were missing."""
    answer(10)
    other = PracticeFactory()
    with _apart(other):
        answer(0)
        CaseFactory(opened_at=BEFORE_HALLOWEEN)

    found = reports.report(OCTOBER, Scope(), now=NOW)

    assert (found.now, found.delivered, found.answered, found.recovery.opened) == (Tally(1), 1, 1, 0)


class _apart:
    """Another practice, opened while one is open: the test alone may do that."""

    def __init__(self, practice) -> None:
        self.practice = practice

    def __enter__(self):
        from prm.tenancy import context  # noqa: PLC0415  (its private part, here alone)

        self.context, self.token = context, context._practice.set(None)
        self.inner = use_practice(self.practice.pk)
        self.inner.__enter__()

    def __exit__(self, *problem):
        self.inner.__exit__(*problem)
        self.context._practice.reset(self.token)
        from django.db import connection  # noqa: PLC0415  (here alone)

        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('prm.practice', %s, true)", [str(self.context.current_practice_id())])


def test_one_statement_counts_all_parts(practice, django_assert_num_queries):
    answer(10)
    start, end = OCTOBER.start, OCTOBER.end
    parts = [Part("a", "whole", start, end), Part("b", "month", start, end), Part("c", "clinic", start, end)]

    with django_assert_num_queries(1):
        found = reports.count(parts, zone=NEW_YORK)

    assert found["b"] == {"2026-10": {10: 1}}


def test_months_are_the_practice_s_and_the_last_three_full_ones_are_judged(practice):
    for month, score in ((4, 10), (5, 10), (6, 10), (7, 0), (8, 0), (9, 0), (10, 0)):
        for _ in range(10):
            answer(score, datetime(2026, month, 28, 3, tzinfo=UTC))
    answer(10, datetime(2026, 11, 1, 3, tzinfo=UTC))  # October 31 in New York

    found = reports.report(OCTOBER, Scope(), now=NOW)

    months = {month: tally for month, tally in found.months if tally.n}
    assert len(found.months) == 12
    assert months[date(2026, 10, 1)] == Tally(1, 0, 10)
    assert (found.earlier, found.recent) == (Tally(20, 0, 10), Tally(1, 0, 30))
    assert found.trend.verdict == Verdict.WORSE


@pytest.mark.parametrize(("params", "first", "last", "many"), [
    ({}, date(2025, 11, 1), date(2026, 10, 1), 12),
    ({"period": "quarter"}, date(2025, 11, 1), date(2026, 10, 1), 12),
    ({"from": "2024-02-10", "through": "2026-03-31"}, date(2024, 2, 1), date(2026, 3, 1), 26),
    ({"from": "2026-03-05", "through": "2026-03-09"}, date(2025, 3, 1), date(2026, 2, 1), 12),
])  # fmt: skip
def test_the_trend_holds_full_months_only(params, first, last, many):
    months = reports.trend_months(periods.resolve(params, NOW, NEW_YORK))

    assert (months[0], months[-1], len(months)) == (first, last, many)


def test_the_comparison_is_the_time_before(practice):
    for _ in range(30):
        answer(10)
        answer(0, datetime(2026, 9, 10, tzinfo=UTC))

    found = reports.report(OCTOBER, Scope(), now=NOW)

    assert (found.before, found.change.verdict, found.change.difference) == (Tally(0, 0, 30), Verdict.BETTER, 200)


def test_response_rate_by_hand(practice):
    """Delivered: 5 askings of which one has a reminder; answered within 14 days of the first: 3."""
    survey = SurveyFactory()
    asked = BEFORE_HALLOWEEN

    def invite(state="sent", at=asked, **fields):
        return InvitationFactory(survey=survey, state=state, asked_at=at, **fields)

    ResponseFactory(invitation=invite("answered"), answered_at=asked + timedelta(days=14))
    ResponseFactory(invitation=invite("answered"), answered_at=asked + timedelta(days=14, seconds=1))
    first = invite("expired")
    reminder = invite("answered", asked + timedelta(days=3), reminder_of=first, episode=first.episode)
    ResponseFactory(invitation=reminder, answered_at=asked + timedelta(days=4), score=0)
    ResponseFactory(invitation=invite("answered"), answered_at=asked + timedelta(hours=1), score=0)
    invite()
    # none of these is a delivered asking of the month
    ResponseFactory(invitation=invite("answered"), answered_at=asked, status=Response.Status.TEST)
    invite("queued")
    invite("withdrawn", not_sent_reason=SurveyInvitation.Reason.NO_ADDRESS)
    invite("sent", datetime(2026, 9, 20, tzinfo=UTC))

    assert reports.response_rate(OCTOBER.start, OCTOBER.end) == (5, 3)
    figure = reports.report(OCTOBER, Scope(), now=NOW).figures["response_rate"]
    assert (figure.value, figure.n, figure.text) == (Fraction(3, 5), 5, "60%")


def test_nothing_asked_is_no_rate(practice):
    figures = reports.report(OCTOBER, Scope(), now=NOW).figures

    assert figures["response_rate"].text == "none yet"
    assert figures["nps"].text == "no answers"


@pytest.mark.parametrize(("delivery", "counted"), [("bounced", 0), ("dropped", 0), ("delivered", 1), ("none", 1)])
def test_a_bounced_survey_was_not_delivered(practice, delivery, counted):
    invitation = InvitationFactory(asked_at=BEFORE_HALLOWEEN)
    message = OutboxMessage.objects.create(
        channel="email", klass="care", purpose="treatment", topic="survey", patient=invitation.patient,
        dedupe_key="survey:1", not_before=BEFORE_HALLOWEEN, expires_at=NOW, state="sent", delivery=delivery,
    )  # fmt: skip
    SurveyInvitation.objects.filter(pk=invitation.pk).update(outbox_message=message.pk)

    assert reports.response_rate(OCTOBER.start, OCTOBER.end) == (counted, 0)


def test_recovery_by_hand(practice):
    """Opened 5: in time, late, overdue, resolved in time, not yet due. In time 2 of the 4 that were due."""
    opened = BEFORE_HALLOWEEN
    due = opened + timedelta(hours=4)

    def case(**fields):
        response = answer(3, opened)
        return CaseFactory(response=response, opened_at=opened, **{"due_at": due, **fields})

    case(contacted_at=due, state="contacted")
    case(contacted_at=due + timedelta(seconds=1), state="contacted")
    case()
    case(contacted_at=opened, state="resolved", resolved_at=opened, cause="billing", outcome="helped")
    case(due_at=NOW + timedelta(hours=1))
    CaseFactory(response=answer(3), opened_at=datetime(2026, 11, 2, tzinfo=UTC), due_at=NOW)

    found = reports.recovery(OCTOBER.start, OCTOBER.end, now=NOW)

    assert found == reports.Recovery(opened=5, contacted_in_time=2, contact_due=4, resolved=1, overdue=1)
    assert found.in_time.value == Fraction(1, 2)


def test_comments_are_the_newest_with_words_of_the_scope(practice):
    newest = BEFORE_HALLOWEEN + timedelta(days=1)
    old = answer(3, comment_text="Waited 40 minutes")
    new = answer(3, newest, comment_text="Kind people")
    answer(10, comment_text="")
    answer(9, newest - timedelta(minutes=1), comment_text="Great")
    answer(3, datetime(2026, 11, 3, tzinfo=UTC), comment_text="Too late")

    everything = reports.comments(OCTOBER.start, OCTOBER.end)
    detractors = reports.comments(OCTOBER.start, OCTOBER.end, bucket="detractor")

    assert [row.comment_text for row in everything] == ["Kind people", "Great", "Waited 40 minutes"]
    assert detractors == [new, old]
