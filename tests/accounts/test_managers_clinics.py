"""A manager of some clinics manages these: no other clinic's page, and nothing that holds for the whole practice."""

import pytest

from accounts.models import Clinic, Membership
from prm.tenancy import use_practice
from tests.accounts.conftest import client_of, clinic, join

pytestmark = pytest.mark.django_db
CLINICS = "/harbor/settings/clinics/"


@pytest.fixture
def clinics(harbor):
    return clinic(harbor, "Downtown"), clinic(harbor, "Westside")


@pytest.fixture
def manager(harbor, clinics):
    return client_of(join(harbor, Membership.Role.MANAGER, clinics=clinics[:1]))


def test_the_list_shows_the_managers_clinics_and_opens_none(harbor, clinics, manager):
    page = manager.get(CLINICS)
    assert [row["clinic"] for row in page.context["rows"]] == [clinics[0]]
    assert f"{CLINICS}new/" not in page.content.decode()
    assert f"{CLINICS}new/" in client_of(join(harbor, Membership.Role.MANAGER)).get(CLINICS).content.decode()


def test_another_clinics_page_is_no_page(harbor, clinics, manager):
    own, other = (f"{CLINICS}{one.pk}/" for one in clinics)
    assert manager.get(own).status_code == 200
    asked = [manager.get(other), manager.post(other, {"name": "Mine now"})]
    asked += [manager.post(f"{other}{act}/") for act in ("closure", "reopening")]
    assert [answer.status_code for answer in asked] == [404] * 4
    with use_practice(harbor.pk):
        assert list(Clinic.objects.filter(pk=clinics[1].pk).values_list("name", "closed_at")) == [("Westside", None)]


def test_a_manager_closes_a_clinic_of_his_own(harbor, clinics, manager):
    assert manager.post(f"{CLINICS}{clinics[0].pk}/closure/").status_code == 302
    with use_practice(harbor.pk):
        assert list(Clinic.objects.filter(closed_at=None)) == [clinics[1]]


@pytest.mark.parametrize("page", ["practice", "branding", "sending", "clinics/new"])
def test_what_holds_for_the_whole_practice_needs_all_clinics(manager, page):
    refused = manager.get(f"/harbor/settings/{page}/")
    assert refused.status_code == 403
    assert "all clinics" in refused.content.decode()


def test_settings_lead_to_what_the_manager_may_open(manager):
    page = manager.get("/harbor/settings/").content.decode()
    assert CLINICS in page
    assert [one for one in ("practice", "branding", "sending") if f"/harbor/settings/{one}/" in page] == []
