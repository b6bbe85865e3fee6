"""Demo staff: somebody of every role, who can sign in with what the page shows, in development only."""

import re

import pytest
from django.urls import reverse

from accounts.models import Membership, User
from accounts.queries import practices_of
from prm import clock
from prm.dev import people
from prm.tenancy import use_practice
from tests.factories.accounts import PracticeFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def practices():
    return [PracticeFactory(slug="demo"), PracticeFactory(slug="second")]


def test_every_role_is_there_once_made_and_made_again(practices):
    for _ in range(2):
        for practice in practices:
            people.make_demo_staff(practice)
    for practice in practices:
        with use_practice(practice.pk):
            roles = set(Membership.objects.values_list("role", flat=True))
            assert (roles, Membership.objects.count()) == (set(Membership.Role.values), 6)
    assert User.objects.count() == 11


def test_one_of_them_works_in_both_practices(practices):
    for practice in practices:
        people.make_demo_staff(practice)
    robin = User.objects.get(email="robin@both.example")
    assert practices_of(robin) == sorted(practices, key=lambda practice: practice.name)


def test_the_page_shows_a_code_that_works(client, practices):
    people.make_demo_staff(practices[0])
    page = client.get(reverse("dev_codes")).content.decode()
    code = re.search(r'data-code-of="dana@demo.example">(\d{6})<', page)[1]
    client.post("/signin/", {"email": "dana@demo.example", "password": people.PASSWORD})
    assert client.post("/signin/verify/", {"code": code}).url == "/demo/"


def test_only_demo_users_are_shown(practices):
    users = people.make_demo_staff(practices[0])
    with use_practice(practices[0].pk):
        Membership.objects.create(user=User.objects.create_user("real@example.com", "Real", "x"), role="owner")
    assert {one.email for one in people.sign_ins(now=clock.now())} == {user.email for user in users}


def test_outside_development_there_is_nothing(client, practices, settings):
    settings.DEVELOPMENT = False
    with pytest.raises(people.NotDevelopment):
        people.make_demo_staff(practices[0])
    with pytest.raises(people.NotDevelopment):
        list(people.sign_ins())
    assert client.get("/dev/codes/").status_code == 404
