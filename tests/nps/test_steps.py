"""The step “send a survey” as campaigns calls it."""

from datetime import timedelta

import pytest

from campaigns import actions
from messaging.models import OutboxMessage
from nps.models import Survey, SurveyInvitation
from nps.setup import ensure_survey
from patients import consent
from prm import ids
from tests.factories.patients import EpisodeFactory, PatientFactory


@pytest.fixture
def survey(practice):
    return ensure_survey(practice)


def release(episode, survey, now, **facts):
    firing = ids.uuid7()
    given = {
        "patient": episode.patient if episode else PatientFactory(), "episode": episode, "rule_id": ids.uuid7(),
        "firing_id": firing, "step": {"id": "ask", "do": "survey", "channel": ["email"], "survey": survey.name},
        "purpose": "treatment", "planned_at": now, "expires_at": now + timedelta(hours=5),
        "dedupe_key": f"step:{firing}:ask",
    }  # fmt: skip
    return actions.Release(**{**given, **facts})


def test_a_batch_asks_each_patient_once_in_the_order_of_the_releases(episode, survey, now):
    silent = EpisodeFactory(patient=PatientFactory(email=""))
    other = EpisodeFactory(patient=PatientFactory())
    consent.arrive([other.patient], now=now)
    batch = [release(one, survey, now) for one in (episode, silent, other)]
    run = actions.action("survey").release

    results = run(batch, now)
    again = run(batch, now + timedelta(minutes=1))

    assert list(results) == list(again)
    assert [(r.held, r.reason) for r in results] == [(False, ""), (True, "no_address"), (False, "")]
    by_id = {m.pk: m for m in OutboxMessage.objects.all()}
    assert [by_id[r.outbox_id].patient_id for r in results if not r.held] == [episode.patient_id, other.patient_id]
    assert {(m.dedupe_key, m.campaign, m.expires_at) for m in by_id.values()} == {
        (one.dedupe_key, one.rule_id, one.expires_at) for one in (batch[0], batch[2])
    }
    assert SurveyInvitation.objects.count() == 3


def test_what_cannot_be_asked_is_held_with_a_reason(episode, survey, now):
    run = actions.action("survey").release
    unknown = {"id": "ask", "do": "survey", "channel": ["email"], "survey": "gone"}
    results = run([release(None, survey, now), release(episode, survey, now, step=unknown)], now)
    assert [r.reason for r in results] == ["no_episode", "missing_survey"]
    assert not SurveyInvitation.objects.exists()


def test_two_steps_of_one_firing_ask_twice(episode, survey, now):
    first = release(episode, survey, now)
    second = release(
        episode, survey, now, firing_id=first.firing_id, dedupe_key="other", step={**first.step, "id": "again"}
    )
    results = actions.action("survey").release([first, second], now)
    assert len({r.outbox_id for r in results}) == 2


def test_the_form_offers_the_surveys_that_are_on_and_names_them(survey):
    assert list(actions.action("survey").choices()) == [("Patient satisfaction", "Patient satisfaction")]
    phrase = actions.action("survey").phrase
    assert phrase({"survey": survey.name}, "en") == "send the survey “Patient satisfaction”"
    assert phrase({"survey": survey.name}, "es") == "envíe la encuesta “Patient satisfaction”"
    survey.active = False
    survey.save()
    assert list(actions.action("survey").choices()) == []


def test_a_new_practice_is_offered_the_standard_survey_and_the_first_asking_makes_it(practice, episode, now):
    assert list(actions.action("survey").choices()) == [("Patient satisfaction", "Patient satisfaction")]
    assert not Survey.objects.exists()
    given = release(episode, Survey(name="Patient satisfaction"), now)
    assert [r.held for r in actions.action("survey").release([given], now)] == [False]
    assert [s.languages for s in Survey.objects.all()] == [["en", "es"]]
