"""Who is asked, what is frozen, and where the link's token is (nowhere but in the sealed message)."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from messaging.models import OutboxMessage
from messaging.outbox import claim, words
from messaging.outbox.contexts import read_context
from nps import ask
from nps.ask import Asking
from nps.models import SurveyInvitation
from nps.setup import ensure_survey
from patients import access, consent
from patients.models import PortalLink, TimelineEntry
from prm import ids
from prm.crypto import token_hash
from tests.factories.accounts import ClinicFactory, TherapistFactory
from tests.factories.patients import EpisodeFactory, PatientFactory, VisitFactory


@pytest.fixture
def survey(practice):
    return ensure_survey(practice)


def test_an_invitation_freezes_clinic_therapist_stage_and_ordinal_of_the_last_completed_visit(episode, survey, now):
    other_clinic, cover = ClinicFactory(), TherapistFactory()
    VisitFactory(episode=episode, starts_at=now - timedelta(days=9))
    last = VisitFactory(episode=episode, clinic=other_clinic, therapist=cover, starts_at=now - timedelta(days=2))
    VisitFactory(episode=episode, status="booked", starts_at=now + timedelta(days=2))
    VisitFactory(episode=episode, status="no_show", starts_at=now - timedelta(days=1))

    invitation = ask.invite(episode, survey=survey, now=now)

    assert (invitation.visit, invitation.clinic, invitation.therapist) == (last, other_clinic, cover)
    assert (invitation.stage, invitation.visit_ordinal, invitation.state) == ("early", 2, "queued")
    assert invitation.expires_at == now + timedelta(days=30)


def test_without_a_visit_the_episodes_clinic_and_therapist_stand(episode, survey, now):
    invitation = ask.invite(episode, survey=survey, now=now)
    assert (invitation.visit, invitation.clinic, invitation.therapist) == (None, episode.clinic, episode.therapist)


def test_the_token_exists_only_in_the_sealed_context_of_the_queued_mail(episode, survey, now):
    invitation = ask.invite(episode, survey=survey, now=now)
    message = OutboxMessage.objects.get(pk=invitation.outbox_message)
    url = read_context(message)["fields"]["links.survey"]
    token = url.rpartition("/")[2]

    assert (message.state, message.topic, message.klass, message.purpose) == ("queued", "surveys", "care", "treatment")
    assert invitation.link.token_hash == token_hash(token)
    assert token.encode() not in bytes(message.context)
    with connection.cursor() as cursor:
        for table in (
            "nps_surveyinvitation",
            "patients_portallink",
            "messaging_outboxmessage",
            "patients_timelineentry",
        ):
            cursor.execute(f"SELECT count(*) FROM {table} t WHERE t::text LIKE %s", [f"%{token}%"])
            assert cursor.fetchone()[0] == 0, table


def test_a_firing_asks_once_however_often_it_is_handed_in(episode, survey, now):
    firing = ids.uuid7()
    first = ask.invite(episode, survey=survey, now=now, firing=firing)
    again = ask.invite(episode, survey=survey, now=now + timedelta(minutes=5), firing=firing)
    assert first == again
    assert (SurveyInvitation.objects.count(), OutboxMessage.objects.count(), PortalLink.objects.count()) == (1, 1, 1)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"birth_date": date(2008, 11, 25)}, "minor"),  # 18 tomorrow
        ({"email": ""}, "no_address"),
    ],
)
def test_minors_and_people_without_an_address_are_not_asked_and_it_says_why(episode, survey, now, facts, reason):
    patient = PatientFactory(**facts)
    invitation = ask.invite(EpisodeFactory(patient=patient), survey=survey, now=now)
    assert (invitation.state, invitation.not_sent_reason, invitation.link) == ("withdrawn", reason, None)
    assert not OutboxMessage.objects.exists()
    assert set(TimelineEntry.objects.values_list("kind", "facts__reason")) == {("survey_not_asked", reason)}


def test_on_the_eighteenth_birthday_a_patient_is_asked(episode, survey, now):
    patient = PatientFactory(birth_date=date(2008, 11, 24))
    consent.arrive([patient], now=now)
    assert ask.invite(EpisodeFactory(patient=patient), survey=survey, now=now).state == "queued"


def test_without_consent_the_guard_drops_and_the_invitation_says_so(episode, survey, now):
    invitation = ask.invite(EpisodeFactory(), survey=survey, now=now)
    assert (invitation.state, invitation.not_sent_reason) == ("withdrawn", "no_consent")


def test_who_stopped_surveys_is_not_asked(episode, survey, now):
    consent.state(episode.patient, "email", "care", granted=False, how="patient", now=now, topic="surveys")
    assert ask.invite(episode, survey=survey, now=now).state == "withdrawn"


def test_a_survey_that_is_off_asks_nobody(episode, survey, now):
    survey.active = False
    survey.save()
    assert ask.invite(episode, survey=survey, now=now).not_sent_reason == "survey_off"


@pytest.mark.parametrize(
    ("facts", "stage"),
    [
        ({"visit_count": 1}, "early"),
        ({"visit_count": 3}, "early"),
        ({"visit_count": 4}, "mid"),
        ({"status": "discharged", "discharged_at": -14, "discharge_reason": "goals_met"}, "discharge"),
        ({"status": "discharged", "discharged_at": -15, "discharge_reason": "goals_met"}, "post"),
        ({"status": "discharged", "discharged_at": -1, "discharge_reason": "patient_choice"}, "dropped"),
        ({"status": "discharged", "discharged_at": -1, "discharge_reason": "cost"}, "dropped"),
        ({"status": "discharged", "discharged_at": -1, "planned_visits": 12, "visit_count": 5}, "dropped"),
        ({"status": "discharged", "discharged_at": -1, "planned_visits": 12, "visit_count": 12}, "discharge"),
        ({"status": "discharged", "discharged_at": -1, "discharge_reason": "moved", "planned_visits": 12}, "discharge"),
        ({"status": "lapsed", "visit_count": 6}, "dropped"),
        ({"visit_count": 6, "last_visit_at": -21}, "dropped"),
        ({"visit_count": 6, "last_visit_at": -20}, "mid"),
        ({"visit_count": 6, "last_visit_at": -40, "next_visit_at": 2}, "mid"),
        ({"visit_count": 6, "last_visit_at": -40, "next_visit_at": -1}, "dropped"),
    ],
)
def test_stages_at_their_edges(episode, now, facts, stage):
    moments = ("discharged_at", "last_visit_at", "next_visit_at")
    for name, value in facts.items():
        setattr(episode, name, now + timedelta(days=value) if name in moments else value)
    assert ask.stage_of(episode, now=now) == stage


def test_the_mail_speaks_the_patients_language_where_the_survey_does(practice, episode, survey, now):
    episode.patient.language = "es"
    assert ask.invite(episode, survey=survey, now=now).language == "es"
    survey.languages = ["en"]
    assert ask.invite(episode, survey=survey, now=now).language == "en"


def test_statements_do_not_grow_with_the_number_asked(episode, survey, now):
    def batch(count):
        people = [PatientFactory() for _ in range(count)]
        consent.arrive(people, now=now)
        return [
            Asking(EpisodeFactory(patient=p, clinic=episode.clinic, therapist=episode.therapist), ids.uuid7())
            for p in people
        ]

    counts = []
    for size in (1, 2, 20):  # the first publishes the wording
        askings = batch(size)
        with CaptureQueriesContext(connection) as queries:
            made = ask.invite_many(askings, survey=survey, now=now)
        assert [i.state for i in made] == ["queued"] * size
        counts.append(len(queries))
    assert counts[1] == counts[2]


def test_settling_carries_over_what_became_of_the_mails(episode, survey, now):
    def asked():
        patient = PatientFactory()
        consent.arrive([patient], now=now)
        return ask.invite(EpisodeFactory(patient=patient), survey=survey, now=now)

    sent, failed, waiting = asked(), asked(), asked()
    OutboxMessage.objects.filter(pk=sent.outbox_message).update(state="sent")
    OutboxMessage.objects.filter(pk=failed.outbox_message).update(state="failed", reason="bounced")

    assert ask.settle(now=now) == 2
    assert ask.settle(now=now) == 0
    states = {i.pk: (i.state, i.not_sent_reason) for i in SurveyInvitation.objects.all()}
    assert states == {sent.pk: ("sent", ""), failed.pk: ("withdrawn", "bounced"), waiting.pk: ("queued", "")}
    assert ask.settle(now=now + timedelta(days=30)) == 2
    assert set(SurveyInvitation.objects.values_list("state", flat=True)) == {"expired", "withdrawn"}


def test_a_mail_whose_link_an_address_change_ended_is_cancelled_when_it_would_leave(episode, survey, now):
    def asked():
        patient = PatientFactory()
        consent.arrive([patient], now=now)
        return ask.invite(EpisodeFactory(patient=patient), survey=survey, now=now)

    moved, stayed = asked(), asked()
    access.address_changed([moved.patient_id], now=now)

    claimed = claim.claim("email", at=now, limit=10, lease=timedelta(minutes=5))

    assert [row.pk for row in claimed.rows] == [stayed.outbox_message]
    stopped = OutboxMessage.objects.get(pk=moved.outbox_message)
    assert (stopped.state, stopped.reason, stopped.facts) == ("cancelled", "stale", {"why": "link_ended"})
    assert words.outcome(stopped) == "Not sent: its link was ended before it left, as a changed address does"
    ask.settle(now=now)
    moved.refresh_from_db()
    assert (moved.state, moved.not_sent_reason) == ("withdrawn", "stale")
