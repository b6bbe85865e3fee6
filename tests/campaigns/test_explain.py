"""“Why?”: the stored decision where there is one, else the condition that does not hold."""

from datetime import UTC, datetime, timedelta

import pytest

from campaigns import evaluate, lifecycle
from campaigns.explain import explain
from tests.campaigns.conftest import rule_document
from tests.factories.accounts import MembershipFactory
from tests.factories.patients import EpisodeFactory, PatientFactory

TURNED_ON = datetime(2026, 11, 2, 12, tzinfo=UTC)
DUE = datetime(2026, 11, 23, 15, tzinfo=UTC)
DISCHARGED = datetime(2026, 11, 9, 20, tzinfo=UTC)


@pytest.fixture
def by(practice):
    return MembershipFactory()


@pytest.fixture
def rule(by, surveys):
    return lifecycle.activate(lifecycle.create(rule_document(), by=by, now=TURNED_ON), by=by, now=TURNED_ON)


def discharged(at, **fields):
    return EpisodeFactory(status="discharged", discharged_at=at, discharge_seq=1, **fields)


def verdicts(rule, patient, now=DUE):
    return [told.verdict for told in explain(rule, patient, now=now)]


def test_a_stored_decision_is_told_as_it_was_decided(rule):
    episode = discharged(DISCHARGED)
    evaluate.tick(at=DUE)
    episode.discharged_at += timedelta(days=5)  # corrected since: the decision stands
    episode.save()

    (told,) = explain(rule, episode.patient, now=DUE + timedelta(days=1))

    assert (told.stored, told.verdict, told.due_at) == (True, "Fired", DUE)
    assert [result.step_id for result in told.results] == ["ask"]
    assert "Mon, Nov 9" in told.clauses[0].text


@pytest.mark.parametrize(("at", "fields", "verdict"), [
    (TURNED_ON - timedelta(days=20), {}, "Never due: it was due before the rule was turned on"),
    (DISCHARGED, {"live_from": None}, "Never due: it came with the first load"),
    (DISCHARGED, {"hidden": True}, "Never due: deleted by the EMR"),
    (DISCHARGED + timedelta(days=3), {}, "Not due yet"),
    (DISCHARGED - timedelta(days=5), {}, "Never decided: we learned of it too late"),
    (DISCHARGED, {}, "Will be decided within a minute"),
])  # fmt: skip
def test_what_was_never_decided_names_the_condition(rule, at, fields, verdict):
    assert verdicts(rule, discharged(at, **fields).patient) == [verdict]


def test_a_paused_rule_and_an_open_episode_say_so(rule, by):
    patient = PatientFactory()
    EpisodeFactory(patient=patient)
    discharged(DISCHARGED, patient=patient)
    lifecycle.pause(rule, by=by, now=TURNED_ON + timedelta(days=1))
    rule.refresh_from_db()
    assert set(verdicts(rule, patient)) == {"Never due: not discharged", "Waits: the rule is paused"}
