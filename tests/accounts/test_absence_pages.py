"""Settings: days away, and therapists' profiles."""

from datetime import timedelta

import pytest

from accounts.models import Membership, Therapist
from patients import worklist
from patients.models import WorkItem
from prm import clock
from prm.tenancy import use_practice
from tests.accounts.conftest import audited, client_of, join, path
from tests.factories.accounts import TherapistFactory
from tests.factories.patients import PatientFactory

pytestmark = pytest.mark.django_db(transaction=True)
Role = Membership.Role


def days(cover=None, first=1, last=3):
    day = clock.now().date()
    return {
        "starts_on": (day + timedelta(days=first)).isoformat(), "ends_on": (day + timedelta(days=last)).isoformat(),
        "cover": str(cover.pk) if cover else "",
    }  # fmt: skip


def test_everybody_writes_down_his_own_absence_and_managers_those_of_others(harbor):
    owner, desk, reader = (join(harbor, role) for role in (Role.OWNER, Role.FRONT_DESK, Role.READ_ONLY))
    manager = join(harbor, Role.MANAGER)
    assert client_of(reader).post("/harbor/settings/absence/", days()).status_code == 302
    assert client_of(manager).post(path(desk, "absence/"), days(owner)).status_code == 302
    assert client_of(manager).post(path(owner, "absence/"), days()).status_code == 403
    assert client_of(desk).post(path(reader, "absence/"), days()).status_code == 403
    with use_practice(harbor.pk):
        found = {(one.membership_id, one.cover_id) for member in (reader, desk) for one in member.absences.all()}
    assert found == {(reader.pk, None), (desk.pk, owner.pk)}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (days(first=3, last=1), "The last day is before the first"),
        (days(first=-9, last=-8), "This day is over"),
        (days() | {"starts_on": "tomorrow"}, "Enter a valid date"),
    ],
)
def test_an_impossible_absence_is_said_beside_its_field(harbor, given, said):
    desk = join(harbor, Role.FRONT_DESK)
    answer = client_of(desk).post("/harbor/settings/absence/", given)
    assert answer.status_code == 422
    assert said in answer.text


def test_an_absence_is_called_off_before_it_begins_and_ended_while_it_lasts(harbor):
    desk, other = join(harbor, Role.FRONT_DESK), join(harbor, Role.FRONT_DESK)
    mine = client_of(desk)
    mine.post("/harbor/settings/absence/", days(first=-1, last=1))
    mine.post("/harbor/settings/absence/", days(first=5, last=6))
    with use_practice(harbor.pk):
        now_away, planned = desk.absences.order_by("starts_on")
    assert client_of(other).post(f"/harbor/settings/absence/{planned.pk}/end/").status_code == 403
    for one in (now_away, planned):
        mine.post(f"/harbor/settings/absence/{one.pk}/end/")
    assert "No days away" in mine.get("/harbor/settings/absence/").text
    with use_practice(harbor.pk):
        assert [one.pk for one in desk.absences.all()] == [now_away.pk]


def test_an_absence_that_has_begun_moves_open_work_at_once(harbor):
    desk, cover = join(harbor, Role.FRONT_DESK), join(harbor, Role.FRONT_DESK)
    with use_practice(harbor.pk):
        item = worklist.open_item("complaint", PatientFactory(), now=clock.now(), due_at=None, owner=desk)
    client_of(desk).post("/harbor/settings/absence/", days(cover, first=-1, last=1))
    with use_practice(harbor.pk):
        assert WorkItem.objects.get(pk=item.pk).owner == cover
    assert audited(harbor, "absence.planned") == [{"moved": 1}]


# --- therapists ---


def profile(**changes):
    return {
        "first_name": "Priya", "last_name": "Nair", "credential": "PT", "npi": "1234567893", "supervisor": "",
        "licence_number": "PT 4711", "licence_state": "CA", "languages": ["es", "en"], "work_days": ["Mon", "Wed"],
        "seen": "", **changes,
    }  # fmt: skip


def test_a_therapist_without_an_account_is_added_with_all_that_a_claim_needs(harbor):
    owner = client_of(join(harbor, Role.OWNER))
    owner.post("/harbor/settings/therapists/new/", profile())
    with use_practice(harbor.pk):
        found = Therapist.objects.get()
        assert (found.npi, found.languages, found.work_days, found.named) == (
            "1234567893", ["es", "en"], ["Mon", "Wed"], True,
        )  # fmt: skip
    assert "English, Spanish" in owner.get("/harbor/settings/therapists/").text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"npi": "1234567890"}, "The last digit does not fit the others"),
        ({"npi": "12345"}, "Enter the 10 digits"),
        ({"npi": "9234567893"}, "the first is 1 or 2"),
        ({"credential": "MD"}, "MD is not one of the available choices"),
        ({"licence_state": ""}, "Choose the state that gave the license"),
        ({"last_name": ""}, "Last name is missing"),
        ({"languages": ["tlh"]}, "tlh is not one of the available choices"),
    ],
)
def test_a_wrong_profile_is_shown_again_with_the_reason(harbor, changes, said):
    answer = client_of(join(harbor, Role.OWNER)).post("/harbor/settings/therapists/new/", profile(**changes))
    assert answer.status_code == 422
    assert said in answer.text
    with use_practice(harbor.pk):
        assert not Therapist.objects.exists()


def test_placeholders_stand_first_and_get_a_name(harbor):
    owner = client_of(join(harbor, Role.OWNER))
    with use_practice(harbor.pk):
        TherapistFactory(first_name="Ann", last_name="Aab")
        unnamed = TherapistFactory(first_name="", last_name="", named=False)
        assistant = TherapistFactory(first_name="Zoe", last_name="Zed", supervisor=TherapistFactory(npi="1234567893"))
    page = owner.get("/harbor/settings/therapists/").text
    assert page.index("Therapist without a name") < page.index("Ann Aab")
    assert "Needs a name" in page

    address = f"/harbor/settings/therapists/{unnamed.pk}/"
    assert "has this NPI" in owner.post(address, profile(seen="")).text
    start = "seen" in owner.get(address).text
    seen_value = owner.get(address).text.split('name="seen" value="')[1].split('"')[0]
    assert start
    assert owner.post(address, profile(npi="", seen="something older")).status_code == 409
    owner.post(address, profile(npi="", supervisor=str(assistant.supervisor_id), seen=seen_value))
    with use_practice(harbor.pk):
        named = Therapist.objects.get(pk=unnamed.pk)
        assert (str(named), named.named, named.supervisor_id) == ("Priya Nair", True, assistant.supervisor_id)
