"""My settings: name, language, password, and second factors of which the last one stays."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import RequestFactory
from django_otp_webauthn.models import WebAuthnCredential

from accounts import factors, totp
from accounts.models import Membership, TotpDevice
from accounts.session_store import SessionStore
from prm import clock
from tests.accounts.conftest import audited
from tests.accounts.factor_rows import NEW_PASSWORD, PASSWORD, is_in, person, signed_in, stale

pytestmark = pytest.mark.django_db

MINE = "/harbor/settings/my-sign-in/"


@pytest.fixture
def dana(harbor):
    member = person(harbor, Membership.Role.FRONT_DESK)
    totp.new_device(member.user, confirmed=True)
    return member.user


def passkey(user, name="Laptop"):
    """A passkey's row, as the list wants it; what it proves is test_passkeys' matter."""
    return WebAuthnCredential.objects.create(
        user=user, name=name, confirmed=True, credential_id=name.encode() * 4, public_key=b"key", sign_count=0,
        transports=[], backup_eligible=False, backup_state=False,
    )  # fmt: skip


def test_name_language_and_shortcuts_are_kept(dana):
    client = signed_in(dana)
    answer = client.post("/harbor/settings/mine/", {"name": "Dana K. Kim", "language": "es"})
    assert answer.url == "/harbor/settings/mine/"
    dana.refresh_from_db()
    assert (dana.name, dana.language, dana.shortcuts) == ("Dana K. Kim", "es", False)


@pytest.mark.parametrize("given", [{"name": "", "language": "en"}, {"name": "Dana", "language": "tlh"}])
def test_what_is_missing_or_unknown_is_refused_and_shown_again(dana, given):
    answer = signed_in(dana).post("/harbor/settings/mine/", given)
    assert answer.status_code == 422
    dana.refresh_from_db()
    assert (dana.name, dana.language) == ("Dana Kim", "en")


def test_a_new_password_is_kept_told_and_audited(dana, harbor, told):
    client = signed_in(dana)
    assert client.post(f"{MINE}password/", {"password": NEW_PASSWORD}).url == MINE
    dana.refresh_from_db()
    assert dana.check_password(NEW_PASSWORD)
    assert told == [("password_changed", dana.email, {})]
    assert audited(harbor, "password.changed") == [{}]


def test_a_weak_password_is_refused_with_its_reason(dana, told):
    answer = signed_in(dana).post(f"{MINE}password/", {"password": "dana kim harbor"})
    assert answer.status_code == 422
    assert answer.context["form"].errors["password"]
    dana.refresh_from_db()
    assert dana.check_password(PASSWORD)
    assert told == []


@pytest.mark.parametrize("what", ["password/", "app/", "app/removal/", "passkeys/", "passkeys/options", "codes/"])
def test_every_change_wants_a_factor_within_ten_minutes(dana, what):
    client = stale(signed_in(dana))
    answer = client.post(MINE + what, {"password": NEW_PASSWORD, "begin": "1"})
    assert (answer.status_code, answer.url.partition("?")[0]) == (302, "/signin/check/")
    dana.refresh_from_db()
    assert dana.check_password(PASSWORD)
    assert TotpDevice.objects.filter(user=dana).count() == 1


def test_the_code_leads_on_to_what_was_wanted(dana):
    client = stale(signed_in(dana))
    asked = client.get(f"{MINE}password/").url
    assert client.post(asked, {"code": "000000"}).status_code == 422
    TotpDevice.objects.filter(user=dana).update(throttling_failure_count=0)
    answer = client.post(asked, {"code": totp.confirmed_device(dana).code_at(clock.now())})
    assert answer.url == f"{MINE}password/"
    assert client.get(answer.url).status_code == 200


# --- factors ---


def test_the_only_factor_stays(dana):
    client = signed_in(dana)
    answer = client.post(f"{MINE}app/removal/", follow=True)
    assert "That is your only second step" in answer.content.decode()
    assert totp.confirmed_device(dana) is not None


def test_the_only_passkey_stays(dana):
    key = passkey(dana)
    client = signed_in(dana)
    client.post(f"{MINE}app/removal/")
    assert totp.confirmed_device(dana) is None
    answer = client.post(f"{MINE}passkeys/{key.pk}/removal/", follow=True)
    assert "That is your only second step" in answer.content.decode()
    assert [one.name for one in factors.of(dana).passkeys] == ["Laptop"]


def test_printed_codes_are_no_factor_that_lets_the_last_one_go(dana):
    client = signed_in(dana)
    client.post(f"{MINE}codes/")
    client.post(f"{MINE}app/removal/")
    assert totp.confirmed_device(dana) is not None


@pytest.mark.django_db(transaction=True)
def test_of_two_requests_that_remove_the_last_two_factors_one_is_refused(dana):
    app, key = totp.confirmed_device(dana), passkey(dana)

    def remove(one):
        request = RequestFactory().post("/")
        request.session, request.user = SessionStore(), dana
        try:
            factors.remove(request, dana, one[0], one[1], now=clock.now())
        except factors.LastFactor:
            return "refused"
        finally:
            connection.close()
        return "removed"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(remove, [(app, factors.TOTP), (key, factors.PASSKEY)])) == ["refused", "removed"]
    assert factors.of(dana).only_one


def test_the_app_that_opened_this_session_is_removed_and_this_session_goes_on(dana, harbor, told):
    passkey(dana)
    here, other = signed_in(dana), signed_in(dana)
    here.post(f"{MINE}app/removal/")
    assert totp.confirmed_device(dana) is None
    assert [is_in(here), is_in(other)] == [True, False]
    assert told == [("factor_removed", dana.email, {"factor": "totp"})]
    assert audited(harbor, "factor.removed") == [{"factor": "totp"}]


def test_a_passkey_is_removed_with_a_notice(dana, harbor, told):
    key = passkey(dana)
    here, other = signed_in(dana), signed_in(dana)
    here.post(f"{MINE}passkeys/{key.pk}/removal/")
    assert factors.of(dana).passkeys == []
    assert [is_in(here), is_in(other)] == [True, False]
    assert told == [("factor_removed", dana.email, {"factor": "passkey"})]
    assert audited(harbor, "factor.removed") == [{"factor": "passkey"}]


def test_another_persons_passkey_is_not_there(dana, harbor):
    eve = person(harbor, email="eve@example.com", name="Eve").user
    totp.new_device(eve, confirmed=True)
    key = passkey(eve)
    assert signed_in(dana).post(f"{MINE}passkeys/{key.pk}/removal/").status_code == 404
    assert len(factors.of(eve).passkeys) == 1


def test_another_app_takes_the_place_of_the_first_at_its_first_right_code(dana, harbor, told):
    first = totp.confirmed_device(dana)
    client = signed_in(dana)
    client.post(f"{MINE}app/", {"begin": "1"})
    assert client.post(f"{MINE}app/", {"code": "000000"}).status_code == 422
    assert totp.confirmed_device(dana) == first
    waits = totp.unconfirmed_device(dana)
    TotpDevice.objects.filter(pk=waits.pk).update(throttling_failure_count=0)

    client.post(f"{MINE}app/", {"code": waits.code_at(clock.now())})

    assert list(TotpDevice.objects.filter(user=dana).values_list("pk", "confirmed")) == [(waits.pk, True)]
    assert is_in(client)
    assert told == [("factor_added", dana.email, {"factor": "totp"})]
    assert audited(harbor, "factor.added") == [{"factor": "totp"}]


# --- names ---


def test_an_app_and_a_passkey_are_called_what_their_owner_likes(dana, harbor, told):
    key = passkey(dana)
    client, other = signed_in(dana), signed_in(dana)
    assert client.post(f"{MINE}passkeys/{key.pk}/name/", {"name": " Blue key "}).url == MINE
    assert client.post(f"{MINE}app/name/", {"name": "My phone"}).url == MINE
    has = factors.of(dana)
    assert (has.app.name, [one.name for one in has.passkeys]) == ("My phone", ["Blue key"])
    page = client.get(MINE).content.decode()
    assert ("My phone" in page, "Blue key" in page) == (True, True)
    assert is_in(other)
    assert told == []
    assert audited(harbor, "factor.renamed") == [{"factor": "passkey"}, {"factor": "totp"}]
    client.post(f"{MINE}app/name/", {"name": "My phone"})
    assert len(audited(harbor, "factor.renamed")) == 2


@pytest.mark.parametrize("name", ["", "   ", "x" * 65])
def test_a_name_that_is_none_is_refused_beside_its_factor(dana, name):
    key = passkey(dana)
    answer = signed_in(dana).post(f"{MINE}passkeys/{key.pk}/name/", {"name": name})
    assert answer.status_code == 422
    assert [list(one.name_form.errors) for one in answer.context["has"].passkeys] == [["name"]]
    assert list(answer.context["has"].app.name_form.errors) == []
    assert [one.name for one in factors.of(dana).passkeys] == ["Laptop"]


def test_another_persons_passkey_is_not_renamed(dana, harbor):
    key = passkey(person(harbor, Membership.Role.FRONT_DESK, "eve@example.com", "Eve").user)
    assert signed_in(dana).post(f"{MINE}passkeys/{key.pk}/name/", {"name": "Mine now"}).status_code == 404
    key.refresh_from_db()
    assert key.name == "Laptop"


def test_a_renamed_app_is_replaced_like_any_other(dana):
    client = signed_in(dana)
    client.post(f"{MINE}app/name/", {"name": "Old phone"})
    client.post(f"{MINE}app/", {"begin": "1"})
    client.post(f"{MINE}app/", {"code": totp.unconfirmed_device(dana).code_at(clock.now())})
    assert [(one.name, one.confirmed) for one in TotpDevice.objects.filter(user=dana)] == [(totp.NAME, True)]
