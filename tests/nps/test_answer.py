"""What an answer does, in one transaction, and what later answers may still change."""

from datetime import timedelta

import pytest

from messaging.models import OutboxMessage
from nps import answer as answers
from nps import recovery
from nps.models import RecoveryCase, Response, ResponseVersion, SurveyInvitation
from patients import consent
from patients.models import Consent, TimelineEntry, WorkItem
from tests.factories.nps import InvitationFactory, ReviewSiteFactory


@pytest.fixture
def invitation(episode):
    return InvitationFactory(episode=episode)


def kinds():
    return sorted(TimelineEntry.objects.values_list("kind", flat=True))


def test_a_detractor_leaves_answer_version_timeline_projection_case_and_work_item(invitation, clinic, now):
    response = answers.answer(invitation, 3, comment=" Waited 40 minutes. ", now=now)

    assert (response.score, response.first_score, response.comment_text) == (3, 3, "Waited 40 minutes.")
    assert (response.clinic, response.therapist, response.stage) == (clinic.row, clinic.therapist, "early")
    assert [(v.score, v.comment_text) for v in ResponseVersion.objects.all()] == [(3, "Waited 40 minutes.")]
    assert kinds() == ["recovery_opened", "survey_answered"]
    item = WorkItem.objects.get()
    assert (item.kind, item.owner, item.due_at, item.state) == (
        "recovery", clinic.people.lead, now + timedelta(hours=4), "open",
    )  # fmt: skip
    invitation.refresh_from_db()
    assert invitation.state == SurveyInvitation.State.ANSWERED
    invitation.patient.refresh_from_db()
    assert (invitation.patient.last_nps, invitation.patient.last_nps_bucket) == (3, "detractor")
    invitation.episode.refresh_from_db()
    assert (invitation.episode.last_nps, invitation.episode.last_answer_at) == (3, now)


def test_zero_is_stored_as_zero_and_opens_a_case(invitation, now):
    assert answers.answer(invitation, 0, now=now).score == 0
    assert RecoveryCase.objects.get().response.score == 0


@pytest.mark.parametrize("score", [9, 10])
def test_a_promoter_opens_no_case(invitation, now, score):
    answers.answer(invitation, score, now=now)
    assert (RecoveryCase.objects.count(), WorkItem.objects.count()) == (0, 0)


@pytest.mark.parametrize("score", [-1, 11, "7", 7.0, True, None])
def test_what_is_no_score_is_refused_and_leaves_nothing(invitation, now, score):
    with pytest.raises(ValueError, match="whole number from 0 to 10"):
        answers.answer(invitation, score, now=now)
    assert not Response.objects.exists()


def test_the_last_answer_counts_and_every_version_is_kept(invitation, now):
    answers.answer(invitation, 10, comment="Great", now=now)
    later = now + timedelta(minutes=5)
    response = answers.answer(invitation, 9, now=later)

    assert (Response.objects.count(), response.score, response.first_score) == (1, 9, 10)
    assert (response.answered_at, response.changed_at, response.comment_text) == (now, later, "Great")
    assert sorted(ResponseVersion.objects.values_list("score", flat=True)) == [9, 10]


def test_the_score_before_is_the_one_of_the_answer_before_not_of_an_earlier_version(invitation, episode, now):
    answers.answer(invitation, 10, now=now)
    answers.answer(invitation, 9, now=now)
    answers.answer(InvitationFactory(episode=episode), 6, now=now + timedelta(days=30))
    episode.patient.refresh_from_db()
    assert (episode.patient.last_nps_before, episode.patient.last_nps) == (9, 6)


def test_a_worse_edit_opens_a_case_and_a_better_one_leaves_a_line_on_it(invitation, now):
    answers.answer(invitation, 9, now=now)
    assert not RecoveryCase.objects.exists()
    answers.answer(invitation, 5, now=now)
    case = RecoveryCase.objects.get()
    answers.answer(invitation, 10, now=now + timedelta(minutes=1))
    case.refresh_from_db()
    assert case.state == "new"
    assert TimelineEntry.objects.filter(kind="recovery_improved", object_id=case.pk).count() == 1


def test_a_change_within_the_bucket_touches_no_case(invitation, now):
    answers.answer(invitation, 3, now=now)
    before = set(TimelineEntry.objects.filter(kind__startswith="recovery").values_list("pk", flat=True))
    answers.answer(invitation, 4, now=now + timedelta(minutes=1))
    assert set(TimelineEntry.objects.filter(kind__startswith="recovery").values_list("pk", flat=True)) == before


def test_after_staff_contacted_the_patient_the_counting_score_stands(invitation, clinic, now):
    """Nobody can talk a score up."""
    counting = answers.answer(invitation, 3, now=now)
    recovery.log_contact(
        counting.case, by=clinic.people.lead, medium="phone", result="reached", note="", now=now + timedelta(hours=1)
    )
    later = answers.answer(invitation, 10, now=now + timedelta(hours=2))
    again = answers.answer(invitation, 9, now=now + timedelta(hours=3))

    counting.refresh_from_db()
    assert (counting.score, later.pk == again.pk, again.kind, again.score) == (3, True, "resurvey", 9)
    assert [r.score for r in Response.objects.counted()] == [3]
    invitation.patient.refresh_from_db()
    assert invitation.patient.last_nps == 3


def test_an_attempt_that_reached_nobody_freezes_nothing(invitation, clinic, now):
    counting = answers.answer(invitation, 3, now=now)
    recovery.log_contact(counting.case, by=clinic.people.lead, medium="phone", result="no_answer", note="", now=now)
    assert answers.answer(invitation, 10, now=now).pk == counting.pk


def test_a_worse_resurvey_reopens_a_resolved_case(invitation, clinic, now):
    counting = answers.answer(invitation, 7, now=now)
    lead = clinic.people.lead
    recovery.log_contact(counting.case, by=lead, medium="phone", result="reached", note="", now=now)
    recovery.resolve(counting.case, by=lead, cause="billing", outcome="explained", now=now)
    answers.answer(invitation, 2, now=now + timedelta(days=1))
    case = RecoveryCase.objects.get()
    assert (case.state, case.outcome, case.resolved_at) == ("reopened", "", None)
    assert WorkItem.objects.get().state == "open"


def test_follow_ups_keep_words_reasons_and_wish(invitation, now):
    response = answers.answer(invitation, 6, now=now)
    answers.add_comment(response, "The bill was confusing.", now=now)
    answers.add_comment(response, "   ", now=now)
    answers.choose_drivers(response, ["billing", "front_desk"], now=now)
    answers.allow_contact(response, "call", now=now)
    stored = Response.objects.get()
    assert (stored.comment_text, stored.drivers, stored.contact_ok) == (
        "The bill was confusing.", ["front_desk", "billing"], "call",
    )  # fmt: skip
    with pytest.raises(ValueError, match="'parking'"):
        answers.choose_drivers(response, ["parking"], now=now)
    with pytest.raises(ValueError, match="'fax'"):
        answers.allow_contact(response, "fax", now=now)


def test_a_comment_of_more_than_2000_characters_is_refused_whole(invitation, now):
    with pytest.raises(answers.CommentTooLong):
        answers.answer(invitation, 9, comment="x" * 2001, now=now)
    assert not Response.objects.exists()


def test_stopping_ends_surveys_by_every_channel_and_leaves_care_messages(invitation, now):
    patient = invitation.patient
    answers.stop_asking(invitation, now=now + timedelta(minutes=1))
    assert consent.allowed([patient.pk], "email", "care", "surveys") == set()
    assert consent.allowed([patient.pk], "email", "care", "visits") == {patient.pk}
    assert set(Consent.objects.filter(topic="surveys").values_list("channel", "granted", "how")) == {
        ("email", False, "patient"), ("sms", False, "patient"), ("push", False, "patient"),
    }  # fmt: skip


@pytest.mark.parametrize("score", range(11))
def test_every_score_gets_the_same_review_mail_two_hours_later(invitation, clinic, now, score):
    ReviewSiteFactory(clinic=clinic.row)
    answers.answer(invitation, score, now=now)
    message = OutboxMessage.objects.get()
    assert (message.not_before, message.klass, message.topic) == (now + timedelta(hours=2), "care", "surveys")
