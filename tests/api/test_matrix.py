"""Every address of the API against every key that must not open it (I3, I8 of security.md)."""

from datetime import timedelta
from typing import Any

import pytest

from accounts import api_keys
from accounts.models import Practice
from prm import clock
from prm.api import scopes
from prm.ids import uuid7
from prm.tenancy import use_practice
from tests.factories.accounts import PracticeFactory
from tests.factories.api import Caller, caller, make_key
from tests.security import urls

pytestmark = pytest.mark.django_db(transaction=True)

API = [address for address in urls.addresses() if address.name.startswith("api:")]
METHODS = ("get", "post", "put", "patch", "delete")


def operations() -> list[tuple[urls.Address, str]]:
    """Each address with each method that it takes."""
    return [(address, method) for address in API for method in METHODS if method in address.view.actions]


@pytest.fixture
def theirs() -> Practice:
    return PracticeFactory(slug="elsewhere")


def ask(client: Caller, address: urls.Address, method: str, practice: Practice, ids: Any = None) -> Any:
    return client.generic(method.upper(), urls.path(address, practice, ids=ids), "{}", content_type="application/json")


def no_key(practice: Practice) -> str:
    return ""


def mistyped(practice: Practice) -> str:
    _key, text = make_key(practice)
    return text[:-1] + ("b" if text.endswith("a") else "a")


def of_no_practice(practice: Practice) -> str:
    _key, text = make_key(practice)
    return text.replace(practice.public_id, "aaaaaaaaaa")


def anything(practice: Practice) -> str:
    make_key(practice)
    return "x'; SELECT 1"


def ended(practice: Practice) -> str:
    return make_key(practice, lasts=timedelta(seconds=-1))[1]


def revoked(practice: Practice) -> str:
    key, text = make_key(practice)
    with use_practice(practice.pk):
        api_keys.revoke(key, now=clock.now())
    return text


@pytest.mark.parametrize("bad", [no_key, mistyped, of_no_practice, anything, ended, revoked])
def test_a_bad_key_opens_no_address(ours, bad, monkeypatch):
    client = Caller(bad(ours))
    answers = {
        (address.name, method): (
            answer.status_code,
            answer.headers["WWW-Authenticate"].split()[0],
            answer["Content-Type"],
        )
        for address, method in operations()
        for answer in [ask(client, address, method, ours)]
    }
    assert answers == dict.fromkeys(answers, (401, "Bearer", "application/problem+json"))
    assert len(answers) >= 7


def test_a_key_without_the_scope_is_told_which_one_it_lacks(ours):
    wrong = {}
    for address, method in operations():
        view = address.view.cls(**address.view.initkwargs)
        needed = view.scope_of(method.upper())
        answer = ask(caller(ours, set(scopes.every()) - {needed}), address, method, ours)
        if (answer.status_code, answer.json()["detail"]) != (403, f"This needs the scope {needed}."):
            wrong[address.name, method] = (answer.status_code, answer.content)
    assert wrong == {}


def test_every_scope_is_registered_and_none_is_without_use(ours):
    used = {address.view.cls(**address.view.initkwargs).scope_of(method.upper()) for address, method in operations()}
    assert used == set(scopes.every())


def test_another_practices_row_is_answered_as_one_that_does_not_exist(ours, theirs):
    client, different = caller(ours), {}
    for address, method in operations():
        if not address.names_a_row:
            continue
        foreign = urls.make_rows(address, theirs)
        missing = {name: uuid7() for name in foreign}
        one, two = (ask(client, address, method, ours, ids) for ids in (foreign, missing))
        bodies = [{**answer.json(), "request_id": ""} for answer in (one, two)]
        if one.status_code != 404 or bodies[0] != bodies[1]:
            different[address.name, method] = (one.status_code, two.status_code, bodies)
    assert different == {}


def test_lists_hold_the_rows_of_the_keys_practice_and_no_others(ours, theirs):
    for address, method in operations():
        if not address.name.endswith("-list") or method != "get":
            continue
        model = address.view.cls.serializer_class
        detail = next(one for one in API if one.view.cls is address.view.cls and one.name.endswith("-detail"))
        own, foreign = (set(urls.make_rows(detail, practice).values()) for practice in (ours, theirs))
        assert own.isdisjoint(foreign), model
        told = {row["id"] for row in ask(caller(ours), address, method, ours).json()["data"]}
        assert {str(pk) for pk in own} <= told, model
        assert told.isdisjoint({str(pk) for pk in foreign}), model


def test_the_practice_of_the_key_is_the_one_that_is_told(ours, theirs):
    assert caller(ours).send("get", "practice").json()["id"] == ours.public_id
    assert caller(theirs).send("get", "practice").json()["id"] == theirs.public_id


def test_a_suspended_practices_key_is_refused_everywhere(ours):
    client = caller(ours)
    Practice.objects.filter(pk=ours.pk).update(suspended_at=clock.now())
    answers = {ask(client, address, method, ours).json()["type"] for address, method in operations()}
    assert answers == {"/api/v1/docs#suspended"}


def test_a_session_opens_nothing(ours):
    from tests.factories.accounts import staff_client  # noqa: PLC0415  (only here)

    client = staff_client(ours)
    assert {ask(client, address, method, ours).status_code for address, method in operations()} == {401}
