"""Demo staff: somebody of every role, who can sign in with what the page shows, in development only."""

import re
from collections import Counter

import pytest
from django.urls import reverse

from accounts import absence, npi
from accounts.models import Invitation, Membership, Therapist, User
from accounts.queries import practices_of
from prm import clock
from prm.dev import people
from prm.tenancy import use_practice
from tests.factories.accounts import ClinicFactory, PracticeFactory

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
    assert User.objects.filter(is_platform_operator=False).count() == 11


def test_the_larger_practice_has_22_people_some_of_one_clinic_one_away_one_invited(practices):
    demo, second = practices
    for practice in practices:
        people.make_demo_staff(practice)
    with use_practice(demo.pk):
        for name in ("Harbor", "Eastside", "North Point"):
            ClinicFactory(name=name)
    for _ in range(2):
        for practice in practices:
            people.complete_demo_staff(practice, now=clock.now())
    with use_practice(demo.pk):
        roles = Counter(Membership.objects.values_list("role", flat=True))
        assert roles == {"owner": 2, "manager": 3, "therapist": 9, "front_desk": 6, "read_only": 2}
        assert Membership.objects.filter(clinics__isnull=False).distinct().count() == 14
        [away] = absence.away_on(absence.today(clock.now())).select_related("membership__user", "cover__user")
        assert (away.membership.user.name, away.cover.user.name) == ("Kirsten Olsen", "Idris Rahman")
        assert list(Invitation.objects.values_list("email", "state")) == [("noor.haddad@demo.example", "open")]
        assert [one for one in Therapist.objects.all() if not npi.is_valid(one.npi)] == []
        assert str(Therapist.objects.get(last_name="Vance").supervisor) == "Kirsten Olsen"
    with use_practice(second.pk):
        assert (Membership.objects.count(), Invitation.objects.count()) == (6, 0)
    assert len([one for one in people.sign_ins(now=clock.now()) if one.practice == demo]) == 22


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


def test_the_operator_signs_in_to_the_console(client, practices):
    people.make_demo_staff(practices[0])
    one = people.operator(now=clock.now())
    client.post("/signin/", {"email": one.email, "password": people.PASSWORD})
    assert client.post("/signin/verify/", {"code": one.code}).url == "/platform/"


def test_outside_development_there_is_nothing(client, practices, settings):
    settings.DEVELOPMENT = False
    with pytest.raises(people.NotDevelopment):
        people.make_demo_staff(practices[0])
    with pytest.raises(people.NotDevelopment):
        list(people.sign_ins())
    assert client.get("/dev/codes/").status_code == 404
