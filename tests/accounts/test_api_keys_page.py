"""Settings, API keys: the list, a key shown once, the end of one."""

import re
from urllib.parse import quote

import pytest
from django.test import Client

from accounts.models import ApiKey, Membership, Practice
from prm.audit.models import AuditEvent
from prm.tenancy import use_practice
from tests.accounts.conftest import client_of, clinic, join
from tests.accounts.factor_rows import stale
from tests.factories.accounts import PracticeFactory, staff_client
from tests.factories.api import Caller, make_key

pytestmark = pytest.mark.django_db(transaction=True)

KEY = re.compile(r"prm_[a-z2-7]{10}_[a-z2-7]{10}_[a-z2-7]{52}")


@pytest.fixture
def practice() -> Practice:
    return PracticeFactory(slug="harbor")


def audited(practice):
    with use_practice(practice.pk):
        found = AuditEvent.objects.filter(action__startswith="api_key.").order_by("at")
        return list(found.values_list("action", "object_id", "actor_kind"))


def make(client: Client, **given):
    return client.post(
        "/harbor/settings/api-keys/new/", {"name": "Warehouse", "scopes": ["clinics:read"], "lasts": "30", **given}
    )


def test_a_new_key_is_shown_once_and_works(practice):
    client = staff_client(practice)
    answer = make(client)
    [text] = set(KEY.findall(answer.content.decode()))

    assert answer.status_code == 201
    assert answer["Cache-Control"] == "no-store"
    assert Caller(text).send("get", "clinics").status_code == 200
    assert Caller(text).send("get", "staff").status_code == 403
    assert KEY.findall(client.get("/harbor/settings/api-keys/").content.decode()) == []
    with use_practice(practice.pk):
        key = ApiKey.objects.get()
    assert (key.expires_at - key.created_at).days == 30
    assert audited(practice) == [("api_key.created", key.pk, "staff")]


def test_the_same_form_sent_twice_makes_one_key(practice):
    client = staff_client(practice)
    make(client)
    again = make(client)
    assert again.status_code == 422
    assert "A key with this name is in use" in again.content.decode()
    assert KEY.findall(again.content.decode()) == []
    with use_practice(practice.pk):
        assert ApiKey.objects.count() == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": ""}, "Which program is it for is missing"),
        ({"scopes": []}, "Tick one at least."),
        ({"scopes": ["root"]}, "root"),
        ({"lasts": "9"}, "9"),
        ({"lasts": ""}, "How long is missing"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_made(practice, given, said):
    answer = make(staff_client(practice), **given)
    assert (answer.status_code, said in answer.content.decode()) == (422, True)
    with use_practice(practice.pk):
        assert not ApiKey.objects.exists()


def test_a_key_is_revoked_by_its_name_and_opens_nothing_any_more(practice):
    client = staff_client(practice)
    key, text = make_key(practice)
    page = f"/harbor/settings/api-keys/{key.pk}/revocation/"
    assert client.post(page, {"name": "another"}).status_code == 422
    assert Caller(text).send("get", "practice").status_code == 200

    for _ in range(2):
        assert client.post(page, {"name": key.name}).url == "/harbor/settings/api-keys/"

    assert Caller(text).send("get", "practice").json()["detail"] == f"The key {key.prefix} was revoked."
    assert audited(practice) == [("api_key.revoked", key.pk, "staff")]
    assert make(client, name=key.name).status_code == 201  # the name is free again


def test_only_owners_see_the_page(practice):
    roles = {
        role: staff_client(practice, role).get("/harbor/settings/api-keys/").status_code
        for role in Membership.Role.values
    }
    assert roles == {**dict.fromkeys(Membership.Role.values, 403), "owner": 200}


def test_making_and_revoking_want_a_factor_within_ten_minutes(practice):
    client = staff_client(practice)
    make(client)
    with use_practice(practice.pk):
        key = ApiKey.objects.get()
    stale(client)
    for path in ("new/", f"{key.pk}/revocation/"):
        address = f"/harbor/settings/api-keys/{path}"
        assert client.get(address).url == f"/signin/check/?next={quote(address, safe='')}"
        assert client.post(address, {"name": "Warehouse"}).url.startswith("/signin/check/")
    with use_practice(practice.pk):
        assert ApiKey.objects.filter(revoked_at=None).count() == 1
    assert client.get("/harbor/settings/api-keys/").status_code == 200


def test_an_owner_of_some_clinics_makes_no_key_of_the_whole_practice():
    harbor = PracticeFactory(slug="harbor")
    east = clinic(harbor, "Eastside")
    limited = client_of(join(harbor, Membership.Role.OWNER, clinics=[east]))
    for where in ("", "new/"):
        assert limited.get(f"/harbor/settings/api-keys/{where}").status_code == 403
    assert limited.post("/harbor/settings/api-keys/new/", {"name": "Key", "lasts": "30"}).status_code == 403
