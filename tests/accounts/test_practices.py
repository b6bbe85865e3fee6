"""Which practice a person gets to: the last used, else the only one, else a choice."""

import pytest
from django.test import Client

from accounts.models import Membership
from accounts.queries import practices_of
from prm import clock
from prm.tenancy import use_practice
from tests.factories.accounts import MembershipFactory, PracticeFactory, UserFactory, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def user():
    return UserFactory()


def join(user, slug: str, **fields):
    practice = PracticeFactory(slug=slug, name=slug.title())
    with use_practice(practice.pk):
        MembershipFactory(user=user, **fields)
    return practice


def test_practices_of_a_person_are_those_where_he_works_now_suspended_ones_too(user):
    second, first = join(user, "harbor"), join(user, "bay")
    join(user, "left", ended_at=clock.now())
    suspended = join(user, "paused")
    suspended.suspended_at = clock.now()
    suspended.save()
    join(UserFactory(), "foreign")

    assert practices_of(user) == [first, second, suspended]


def test_practices_can_be_asked_for_within_one_of_them(user):
    here, there = join(user, "bay"), join(user, "harbor")
    with use_practice(here.pk):
        assert practices_of(user) == [here, there]
        assert Membership.objects.count() == 1


@pytest.mark.parametrize(
    ("slugs", "leads_to"), [([], "/practices/"), (["bay"], "/bay/"), (["bay", "harbor"], "/practices/")]
)
def test_the_start_leads_to_the_only_practice_or_to_a_choice(client, user, slugs, leads_to):
    for slug in slugs:
        join(user, slug)
    sign_in(client, user)
    assert client.get("/").url == leads_to


def test_the_start_of_a_stranger_is_the_door(client):
    assert client.get("/").url == "/signin/"


def test_the_practice_used_last_on_a_device_is_home(client, user):
    join(user, "bay")
    join(user, "harbor")
    sign_in(client, user)
    client.cookies["prm_practice"] = "harbor"
    assert client.get("/").url == "/harbor/"
    client.cookies["prm_practice"] = "elsewhere"
    assert client.get("/").url == "/practices/"


def test_the_choice_shows_own_practices_only(user):
    join(user, "bay")
    join(user, "harbor")
    join(UserFactory(), "foreign")
    client = Client()
    sign_in(client, user)
    assert [practice.slug for practice in client.get("/practices/").context["choices"]] == ["bay", "harbor"]
