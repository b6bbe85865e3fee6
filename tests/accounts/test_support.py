"""Support looks in only while an owner lets it, and changes nothing."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from accounts import notify, support
from accounts.models import Membership, Practice, SupportGrant, User
from patients.models import Patient
from prm import clock
from prm.audit.models import AuditEvent
from prm.tenancy import use_practice
from tests.factories.accounts import PracticeFactory, UserFactory, sign_in, staff_client
from tests.factories.patients import PatientFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def practice() -> Practice:
    return PracticeFactory(slug="harbor")


@pytest.fixture
def operator() -> User:
    return UserFactory(email="operator@example.com", is_platform_operator=True)


@pytest.fixture
def told(monkeypatch) -> list[notify.Notice]:
    found: list[notify.Notice] = []
    monkeypatch.setattr(notify, "_senders", [found.append])
    return found


def signed_in(user: User) -> Client:
    client = Client()
    sign_in(client, user)
    return client


def let_in(practice: Practice, **answers: str) -> Client:
    """The owner's client, after opening the practice."""
    owner = staff_client(practice)
    given = {"reason": "The feed", "hours": "4", "sees_as": "manager"} | answers
    assert owner.post("/harbor/settings/support/", given).status_code == 302
    return owner


def patient_of(practice: Practice) -> Patient:
    with use_practice(practice.pk):
        return PatientFactory()


def test_an_operator_without_a_grant_finds_no_such_practice(practice, operator):
    client = signed_in(operator)
    with use_practice(practice.pk):
        person = PatientFactory()
    for path in ["/harbor/", f"/harbor/patients/{person.pk}/"]:
        one, two = client.get(path), client.get(path.replace("harbor", "nowhere"))
        assert (one.status_code, one.content) == (404, two.content)


def test_a_grant_opens_the_pages_of_the_role_and_says_so_on_each(practice, operator, told):
    let_in(practice)
    client = signed_in(operator)

    page = client.get("/harbor/patients/")

    assert page.status_code == 200
    assert "Support access" in page.content.decode()
    assert client.get("/harbor/settings/support/").status_code == 403  # an owner's page, seen as a manager


def test_support_sees_what_the_chosen_role_sees(practice, operator, told):
    let_in(practice, sees_as="read_only")
    client = signed_in(operator)
    assert {path: client.get(f"/harbor/{path}").status_code for path in ["patients/", "settings/", "outbox/"]} == {
        "patients/": 200, "settings/": 403, "outbox/": 403,
    }  # fmt: skip


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_support_changes_nothing_whatever_it_sees(practice, operator, told, method):
    let_in(practice)
    answer = signed_in(operator).generic(method, "/harbor/settings/consent/")
    assert answer.status_code == 403
    assert "Support may look" in answer.content.decode()


def test_the_door_closes_when_the_time_is_over_and_when_the_owner_says_so(practice, operator, told):
    owner, client = let_in(practice, hours="1"), signed_in(operator)
    assert client.get("/harbor/").status_code == 200
    with use_practice(practice.pk):
        given = SupportGrant.objects.get()

    with clock.at(given.until + timedelta(seconds=1)):
        assert support.open_to(operator, "harbor", now=clock.now()) is None
    owner.post(f"/harbor/settings/support/{given.pk}/end/")

    assert client.get("/harbor/").status_code == 404


def test_a_person_who_stops_being_an_operator_is_out_at_once(practice, operator, told):
    let_in(practice)
    client = signed_in(operator)
    assert client.get("/harbor/").status_code == 200
    User.objects.filter(pk=operator.pk).update(is_platform_operator=False)
    assert client.get("/harbor/").status_code == 404


def test_the_record_tells_who_let_support_in_and_what_it_opened(practice, operator, told):
    let_in(practice)
    person = patient_of(practice)
    signed_in(operator).get(f"/harbor/patients/{person.pk}/")
    with use_practice(practice.pk):
        found = set(AuditEvent.objects.values_list("action", "actor_kind", "actor_id", "patient_id"))
        owner = Membership.objects.get().user_id
    assert found >= {
        ("support.granted", "staff", owner, None),
        ("patient.read", "support", operator.pk, person.pk),
        ("support.page", "support", operator.pk, None),
    }


def test_owners_and_operators_are_told(practice, operator, told):
    let_in(practice)
    with use_practice(practice.pk):
        owner = Membership.objects.select_related("user").get().user
    assert {(notice.kind, notice.email) for notice in told} == {
        ("support_grant", owner.email), ("support_grant", operator.email),
    }  # fmt: skip
    assert len({notice.dedupe_key for notice in told}) == 2


def test_a_grant_lasts_three_days_at_most(practice):
    now = clock.now()
    given = {"sees_as": "manager", "reason": "x", "granted_by": UserFactory(), "granted_at": now}
    with use_practice(practice.pk):
        SupportGrant.objects.create(**given, until=now + timedelta(hours=72))
        with pytest.raises(IntegrityError), transaction.atomic():
            SupportGrant.objects.create(**given, until=now + timedelta(hours=73))


@pytest.mark.parametrize("wrong", [{"reason": ""}, {"hours": "5"}, {"sees_as": "operator"}])
def test_what_is_missing_or_unknown_is_named_and_nothing_is_opened(practice, told, wrong):
    owner = staff_client(practice)
    answer = owner.post("/harbor/settings/support/", {"reason": "r", "hours": "4", "sees_as": "manager"} | wrong)
    assert answer.status_code == 422
    assert set(answer.context["form"].errors) == set(wrong)
    with use_practice(practice.pk):
        assert not SupportGrant.objects.exists()


def test_only_an_owner_opens_the_practice(practice, told):
    client = staff_client(practice, role="manager")
    assert client.get("/harbor/settings/support/").status_code == 403


def test_an_owner_filters_the_record_to_what_support_opened_and_was_refused(practice, operator, told):
    owner = let_in(practice)
    looking = signed_in(operator)
    for path in ["patients/", "settings/people/", "settings/support/"]:
        looking.get(f"/harbor/{path}")

    page = owner.get("/harbor/settings/audit/?person=support")

    assert ("support", "The platform’s support") in page.context["form"].fields["person"].choices
    assert {row.kind for row in page.context["rows"]} == {"Platform support"}
    assert {row.words for row in page.context["rows"] if row.event.action == "support.page"} == {
        "opened the page “Patients” as the platform’s support",
        "opened the page “People and roles” as the platform’s support",
        "was refused the page “Support access” as the platform’s support",
    }
