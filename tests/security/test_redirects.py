"""B7: no way of signing in, and no page that takes `next`, leads to another site or to a script."""

from itertools import count
from urllib.parse import parse_qs

import pytest
from django.test import Client

from accounts import invitations, notify, totp
from accounts.models import Membership
from prm import clock
from prm.tenancy import use_practice
from tests.accounts.factor_rows import PASSWORD, person, signed_in
from tests.factories.accounts import PracticeFactory
from tests.portal.conftest import NOW, RIGHT, build_door
from tests.security import urls

pytestmark = pytest.mark.django_db

AWAY = [
    "https://evil.example/", "//evil.example/", "///evil.example/", "/\\evil.example/", "\\\\evil.example/",
    "http:evil.example", "javascript:alert(1)", "/%09/evil.example", "\t//evil.example/", " https://evil.example/",
    "https:/evil.example/", "//evil.example@testserver/", "https://testserver@evil.example/", "data:text/html,x",
    "//evil%2eexample/", "/\n/evil.example/", "evil.example", "",
]  # fmt: skip


@pytest.fixture
def dana():
    user = person(PracticeFactory(slug="harbor")).user
    totp.new_device(user, confirmed=True)
    return user


_numbers = count(1)


def somebody():
    """Another person each time: a code passes once."""
    user = person(PracticeFactory(), email=f"dana{next(_numbers)}@example.com").user
    totp.new_device(user, confirmed=True)
    return user


def code(user) -> str:
    return totp.confirmed_device(user).code_at(clock.now())


def by_password(user, away: str) -> str:
    """The door: password, then code."""
    client, user = Client(REMOTE_ADDR=f"192.0.2.{next(_numbers)}"), somebody()
    client.post("/signin/", {"email": user.email, "password": PASSWORD, "next": away}, query_params={"next": away})
    return client.post("/signin/verify/", {"code": code(user), "next": away}, query_params={"next": away})["Location"]


def by_the_check(user, away: str) -> str:
    """The question for a factor before something that cannot be undone."""
    user = somebody()
    user = somebody()
    answer = signed_in(user).post("/signin/check/", {"code": code(user), "next": away}, query_params={"next": away})
    return answer["Location"]


def by_a_page_that_wants_a_session(user, away: str) -> str:
    """Any page of a practice, asked for with a `next` of its own."""
    return Client().get("/harbor/", query_params={"next": away})["Location"]


def by_the_recheck(user, away: str) -> str:
    """The way to that question, from a page whose Referer is forged."""
    client = signed_in(user)
    session = client.session
    session["proved_at"] = 0
    session.save()
    answer = client.post("/harbor/settings/my-sign-in/codes/", {"next": away}, headers={"referer": away})
    return answer["Location"]


def by_the_appearance(user, away: str) -> str:
    """Theme and density, open to everybody."""
    return Client().post("/appearance", {"theme": "dark", "next": away})["Location"]


def by_signing_out(user, away: str) -> str:
    return signed_in(user).post("/signout", {"next": away}, query_params={"next": away})["Location"]


def by_an_invitation(user, away: str) -> str:
    """The link to who has an account already: it leads to the door, and back to the invitation."""
    sent: list[notify.Notice] = []
    practice = PracticeFactory()
    before, notify._senders = notify._senders, [sent.append]
    try:
        with use_practice(practice.pk):
            by = person(practice, email=f"by{practice.pk}@example.com")
            invitations.invite(practice, user.email, Membership.Role.THERAPIST, by=by, now=clock.now())
    finally:
        notify._senders = before
    link = "/" + sent[-1].facts["url"].split("/", 3)[3]
    return Client().post(link, {"next": away}, query_params={"next": away})["Location"]


def by_a_patients_link(user, away: str) -> str:
    """The birth date of a patient."""
    with clock.at(NOW):
        return Client().post(build_door().link(), {**RIGHT, "next": away}, query_params={"next": away})["Location"]


WAYS = [
    by_password, by_the_check, by_a_page_that_wants_a_session, by_the_recheck, by_the_appearance, by_signing_out,
    by_an_invitation, by_a_patients_link,
]  # fmt: skip


def leads_away(where: str) -> bool:
    """Not a path of ours, or one whose `next` is none."""
    path, _sign, query = where.partition("?")
    handed_on = parse_qs(query).get("next", ["/"])[0]
    return any(not one.startswith("/") or one[1:2] in {"/", "\\", "\t", "\n"} for one in (path, handed_on))


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_b7_no_way_leads_to_another_site(dana, way, report):
    away = [where for where in AWAY if leads_away(way(dana, where))]
    report(f"B7 {way.__name__} of {len(AWAY)} addresses, away", len(away), 0, not away)


def test_b7_the_check_leads_to_a_page_of_ours(dana):
    assert by_the_check(dana, "/harbor/inbox/") == "/harbor/inbox/"


def test_b7_no_page_hands_a_strangers_address_on(dana, report):
    """The forms and links of the pages that take `next` keep ours alone."""
    client, given = signed_in(dana), "https://evil.example/"
    pages = ("/signin/", "/signin/check/", "/signin/verify/", "/signin/reset/", "/signin/recover/")
    found = [
        page
        for page in pages
        for reader in (client, Client())
        if "evil.example" in reader.get(page, {"next": given}).content.decode()
    ]
    report(f"B7 pages of {len(pages)} that hand it on", len(found), 0, not found)


def test_b7_passkeys_lead_where_the_other_ways_do():
    """Both steps by passkey end in the functions of the other steps, which are given the same checked path."""
    names = {one.name for one in urls.addresses() if "passkey" in one.name and one.name.startswith("signin")}
    assert names >= {"signin_passkey", "signin_verify_passkey", "signin_check_passkey"}
