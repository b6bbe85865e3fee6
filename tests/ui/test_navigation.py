"""The side bar shows what its reader may open and what exists."""

from types import SimpleNamespace

import pytest
from django.http import HttpRequest

from prm.ui import navigation


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(navigation, "_entries", {})
    monkeypatch.setattr(navigation, "_checks", [lambda membership, permission: permission in membership.may])


def asked(path: str, *may: str) -> HttpRequest:
    request = HttpRequest()
    request.path = path
    request.practice = SimpleNamespace(slug="harbor")
    request.membership = SimpleNamespace(may=set(may))
    return request


def reverse(monkeypatch: pytest.MonkeyPatch, addresses: dict[str, str]) -> None:
    def found(name: str, args: list[str]) -> str:
        if name not in addresses:
            raise navigation.NoReverseMatch
        return addresses[name].format(*args)

    monkeypatch.setattr(navigation, "reverse", found)


def test_entries_stand_in_order_and_only_where_allowed_and_built(monkeypatch: pytest.MonkeyPatch) -> None:
    reverse(monkeypatch, {"today": "/{}/", "patients": "/{}/patients/", "rules": "/{}/campaigns/"})
    navigation.register("patients", "Patients", icon="users", url_name="patients", permission="p")
    navigation.register("today", "Today", icon="sun", url_name="today", permission="t")
    navigation.register("campaigns", "Campaigns", icon="waypoints", url_name="rules", permission="c", group="engage")
    navigation.register("rtm", "RTM", icon="activity", url_name="rtm", permission="t", group="engage")

    links = navigation.entries_for(asked("/harbor/patients/7/", "t", "p"))

    assert {group: [(link.key, link.current) for link in found] for group, found in links.items()} == {
        "daily": [("today", False), ("patients", True)]
    }


def test_today_is_current_only_on_its_own_page(monkeypatch: pytest.MonkeyPatch) -> None:
    reverse(monkeypatch, {"today": "/{}/"})
    navigation.register("today", "Today", icon="sun", url_name="today", permission="t", count=lambda request: 3)

    (link,) = navigation.entries_for(asked("/harbor/", "t"))["daily"]

    assert (link.current, link.count) == (True, 3)


def test_without_a_membership_there_is_nothing() -> None:
    assert navigation.entries_for(HttpRequest()) == {}


def test_unknown_place_is_refused() -> None:
    with pytest.raises(ValueError, match="'billing'"):
        navigation.register("billing", "Billing", icon="x", url_name="b", permission="p")
