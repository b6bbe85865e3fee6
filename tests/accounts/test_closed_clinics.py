"""A clinic that is closed for good is offered nowhere; what lies behind it stays findable."""

import pytest
from django.test import Client

from accounts import people
from accounts.models import Clinic, Membership
from accounts.people_forms import AccessForm, InviteForm
from nps.models import ReviewSite
from patients import signin
from patients.models import WorkItem
from portal import clinics as portal_clinics
from prm import clock
from prm.tenancy import use_practice
from tests.accounts.conftest import client_of, clinic, join
from tests.factories.patients import PatientFactory

pytestmark = pytest.mark.django_db

Role = Membership.Role


@pytest.fixture
def closed(harbor):
    """Harbor has an open clinic, two even, and one that is closed."""
    clinic(harbor, "Eastside"), clinic(harbor, "Westside")
    made = clinic(harbor, "Attic")
    with use_practice(harbor.pk):
        Clinic.objects.filter(pk=made.pk).update(closed_at=clock.now())
    return made


def offered(form) -> list[str]:
    return [str(one) for one in form.fields["clinics"].queryset]


def test_nobody_is_put_into_it_and_who_works_there_keeps_it_until_somebody_takes_it(harbor, closed):
    owner, there = join(harbor, Role.OWNER), join(harbor, Role.FRONT_DESK, clinics=[closed])
    with use_practice(harbor.pk):
        assert offered(InviteForm(owner)) == ["Eastside", "Westside"]
        assert offered(AccessForm(owner, member=owner)) == ["Eastside", "Westside"]
        assert offered(AccessForm(owner, member=there)) == ["Attic", "Eastside", "Westside"]
        assert people.clinics_of(there) == {closed.pk}
    page = client_of(owner).get(f"/harbor/settings/people/{there.pk}/").content.decode()
    assert "Attic" in page


def test_an_invitation_to_it_is_refused(harbor, closed):
    answer = client_of(join(harbor, Role.OWNER)).post(
        "/harbor/settings/people/invite/",
        {"email": "sam@example.com", "role": "front_desk", "clinics": [str(closed.pk)]},
    )
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["clinics"])


def test_no_review_is_asked_for_it(harbor, closed):
    owner = client_of(join(harbor, Role.OWNER))
    page = owner.get("/harbor/nps/reviews/").content.decode()
    assert ("Eastside</option>" in page, "Westside</option>" in page, "Attic" in page) == (True, True, False)
    given = {"clinic": str(closed.pk), "kind": "google", "name": "Google", "url": "https://review.example/attic"}
    assert owner.post("/harbor/nps/reviews/", given).status_code == 422
    with use_practice(harbor.pk):
        assert ReviewSite.objects.count() == 0


def test_patients_are_not_sent_to_it(harbor, closed):
    with use_practice(harbor.pk):
        assert [one.name for one in portal_clinics.cards(harbor)] == ["Eastside", "Westside"]
    assert "Attic" not in Client().get(f"/portal/{harbor.public_id}/").content.decode()


def test_work_without_a_clinic_waits_in_an_open_one(harbor, closed):
    with use_practice(harbor.pk):
        Clinic.objects.exclude(name="Westside").update(closed_at=clock.now())
        patient = PatientFactory(home_clinic=None)
        signin._tell_staff(patient, "wrong_birth_date", now=clock.now())
        assert [item.clinic.name for item in WorkItem.objects.select_related("clinic")] == ["Westside"]


def test_filters_and_the_list_of_clinics_still_show_it(harbor, closed):
    owner = client_of(join(harbor, Role.OWNER))
    assert "Attic" in owner.get("/harbor/settings/clinics/").content.decode()
    assert owner.get(f"/harbor/nps/?clinic={closed.pk}").status_code == 200
