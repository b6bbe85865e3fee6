"""The owner's choice of whose patients therapists see."""

import pytest
from django.urls import reverse

from accounts.models import Membership, Practice
from prm.audit.models import AuditEvent
from prm.tenancy import use_practice
from tests.factories.accounts import PracticeFactory, staff_client

pytestmark = pytest.mark.django_db


def choose(client, practice, sees, version=None):
    practice.refresh_from_db()
    return client.post(
        reverse("therapists_see", args=[practice.slug]),
        {"therapists_see": sees, "version": practice.version if version is None else version},
    )


def test_an_owner_chooses_and_the_record_says_so():
    practice = PracticeFactory()
    owner = staff_client(practice)
    page = reverse("people_roles", args=[practice.slug])
    assert "Save choice" in owner.get(page).content.decode()

    assert choose(owner, practice, "own").url == page
    assert choose(owner, practice, "own").status_code == 302  # saying it again changes nothing

    practice.refresh_from_db()
    assert practice.therapists_see == Practice.TherapistsSee.OWN
    with use_practice(practice.pk):
        events = AuditEvent.objects.filter(action="practice.therapists_see_chosen")
        assert [event.facts for event in events] == [{"therapists_see": "own"}]


def test_a_manager_reads_the_choice_and_may_not_change_it():
    practice = PracticeFactory()
    manager = staff_client(practice, Membership.Role.MANAGER)
    said = manager.get(reverse("people_roles", args=[practice.slug])).content.decode()
    assert "The practice&#x27;s patients" in said
    assert "Save choice" not in said
    assert choose(manager, practice, "own").status_code == 403


def test_what_is_no_choice_is_told_with_the_page():
    practice = PracticeFactory()
    answer = choose(staff_client(practice), practice, "some")
    assert answer.status_code == 422
    practice.refresh_from_db()
    assert practice.therapists_see == Practice.TherapistsSee.ALL


def test_a_choice_over_a_newer_one_is_refused():
    practice = PracticeFactory()
    owner = staff_client(practice)
    choose(owner, practice, "own")
    choose(owner, practice, "all")
    assert choose(owner, practice, "own", version=1).status_code == 409
