"""The demo is played through the product: the same seed tells the same story, a second load plays nothing."""

from dataclasses import replace
from datetime import UTC, datetime
from random import Random

import pytest

from accounts.models import Practice
from campaigns.models import Firing
from messaging.models import OutboxMessage
from nps.models import Response, SurveyInvitation
from patients.models import Episode, Visit
from prm.dev.demo import feed, truth
from prm.dev.demo.load import load
from prm.dev.demo.practices import SECOND
from prm.tenancy import use_practice

AS_OF = datetime(2026, 11, 24, 12, tzinfo=UTC)
SMALL = replace(SECOND, slug="small", patients=12, months=3, answers=1.0)


def lives(seed: str) -> list[truth.Life]:
    return truth.lives(Random(seed), SMALL.places, count=300, months=12, as_of=AS_OF)


def test_the_same_seed_draws_the_same_lives_and_another_one_others():
    assert feed.messages(lives("a")) == feed.messages(lives("a"))
    assert feed.messages(lives("a")) != feed.messages(lives("b"))


def test_nothing_is_known_before_it_happened_and_no_two_visits_fall_on_one_day():
    for life in lives("a"):
        for care in life.cares:
            days = [visit.starts_at.date() for visit in care.visits]
            assert len(days) == len(set(days))
            assert all(visit.known_at <= AS_OF and visit.booked_at <= visit.starts_at for visit in care.visits)
            assert care.ended_at is None or care.ended_at <= AS_OF


def test_about_one_in_five_leaves_by_the_third_visit_and_seven_in_ten_before_the_end():
    cares = [care for life in lives("a") for care in life.cares]
    over = [care for care in cares if care.completed or not any(visit.outcome == "booked" for visit in care.visits)]
    kept = [sum(visit.outcome == "completed" for visit in care.visits) for care in over]
    early = sum(count <= 3 and not care.completed for care, count in zip(over, kept, strict=True)) / len(over)
    assert 0.14 < early < 0.27
    assert 0.5 < sum(not care.completed for care in over) / len(over) < 0.78


@pytest.mark.django_db(transaction=True, databases=["default", "platform", "owner"])
def test_a_load_agrees_with_its_truth_and_a_second_one_plays_nothing(tmp_path, settings):
    settings.STATE_DIR = tmp_path
    told: list[str] = []
    first = load(SMALL, as_of=AS_OF, seed=7, say=told.append)
    again = load(SMALL, as_of=AS_OF, seed=7, say=told.append)

    drawn = truth.lives(Random("7:small"), SMALL.places, count=12, months=3, as_of=AS_OF)
    cares = [care for life in drawn for care in life.cares]
    assert (first.messages, again.messages) == (len(feed.messages(drawn)), 0)
    practice = Practice.objects.get(slug="small")
    assert practice.suspended_at is None
    with use_practice(practice.pk):
        assert Episode.objects.filter(status="discharged").count() == sum(care.ended_at is not None for care in cares)
        assert Visit.objects.filter(status="completed").count() == sum(
            visit.outcome == "completed" for care in cares for visit in care.visits
        )
        assert Firing.objects.filter(outcome="fired").count() == SurveyInvitation.objects.count() > 0
        assert Response.objects.count() == SurveyInvitation.objects.filter(state="answered").count()
        assert set(OutboxMessage.objects.values_list("state", flat=True)) <= {"sent", "queued"}
