"""The first second factor: an app or a passkey, as the person likes; codes to print follow either."""

import pytest
from django.test import Client
from django_otp_webauthn.models import WebAuthnCredential

from accounts import factor_recovery, invitations, notify, recovery_codes, totp
from accounts.models import FactorRecovery, Membership, RecoveryCode, TotpDevice, User
from prm import clock
from prm.tenancy import use_practice
from tests.accounts.authenticator import Authenticator
from tests.accounts.conftest import audited, client_of, join
from tests.accounts.factor_rows import PASSWORD, is_in, person

pytestmark = pytest.mark.django_db

Role = Membership.Role
SET_UP, PASSKEY, OPTIONS = "/signin/factor/", "/signin/factor/passkey/", "/signin/factor/passkey/options"
HERE = {"headers": {"host": "localhost"}}  # passkeys are bound to a name


@pytest.fixture
def dana(harbor):
    """Has a password and no factor."""
    return person(harbor).user


def owes(user) -> Client:
    """A browser of who gave the password and is shown the set-up."""
    client = Client(**HERE)
    assert client.post("/signin/", {"email": user.email, "password": PASSWORD}).url == SET_UP
    return client


def set_up(client, key=None, name="Work laptop", **changes):
    asked = client.post(OPTIONS).json()
    return client.post(PASSKEY, {"credential": (key or Authenticator()).make({**asked, **changes}), "name": name})


def passkeys() -> list[tuple]:
    return list(WebAuthnCredential.objects.values_list("user", "name", "confirmed"))


def test_a_passkey_is_the_first_factor_and_codes_are_shown_to_print(harbor, dana, told):
    client, key = owes(dana), Authenticator()
    answer = set_up(client, key)

    assert (answer.status_code, len(answer.context["codes"]), answer.context["leads_to"]) == (200, 10, "/harbor/")
    assert passkeys() == [(dana.pk, "Work laptop", True)]
    assert TotpDevice.objects.count() == 0  # the key of the QR code that was on the page is nobody's
    assert is_in(client)
    assert audited(harbor, "signin.done") == [{"factors": ["password", "passkey"]}]
    assert audited(harbor, "factor.added") == [{"factor": "passkey"}]
    assert [kind for kind, _to, _facts in told] == ["factor_added", "recovery_codes_made"]

    again = Client(**HERE)
    asked = again.post("/signin/passkey/options").json()
    assert again.post("/signin/passkey/", {"credential": key.answer(asked)}).url == "/harbor/"


def test_an_invited_person_joins_with_a_passkey_as_the_only_factor(harbor, monkeypatch):
    sent = []
    monkeypatch.setattr(notify, "_senders", [sent.append])
    with use_practice(harbor.pk):
        by = join_owner(harbor)
        invitations.invite(harbor, "sam@example.com", Role.FRONT_DESK, by=by, now=clock.now())
    client = Client(**HERE)
    link = "/" + sent[0].facts["url"].split("/", 3)[3]
    assert client.post(link, {"name": "Sam Lee", "password": "violet tractor sings 41"}).url == SET_UP
    codes = set_up(client)
    assert RecoveryCode.objects.count() == len(codes.context["codes"]) == 10
    assert client.post(codes.context["leads_to"]).url == "/harbor/"
    assert client.get("/harbor/").status_code == 200
    user = User.objects.get(email="sam@example.com")
    assert passkeys() == [(user.pk, "Work laptop", True)]


def join_owner(harbor):
    from tests.factories.accounts import MembershipFactory  # noqa: PLC0415  (the practice is open here)

    return MembershipFactory(role=Role.OWNER)


@pytest.mark.parametrize("what", ["nobody", "has an app", "waits for nothing"])
def test_set_up_of_a_passkey_is_closed_to_who_owes_none(harbor, dana, what):
    client = Client(**HERE)
    if what == "has an app":
        totp.new_device(dana, confirmed=True)
        client.post("/signin/", {"email": dana.email, "password": PASSWORD})
    elif what == "waits for nothing":
        client = owes(dana)
        set_up(client)
        WebAuthnCredential.objects.update(name="First")
    before = passkeys()
    assert client.post(OPTIONS).status_code == 409
    assert client.post(PASSKEY, {"credential": "{}", "name": "Mine"}).url == SET_UP
    assert passkeys() == before


@pytest.mark.parametrize("change", [{"challenge": "AAAA"}, {"rp": {"id": "evil.example"}}])
def test_an_answer_that_proves_nothing_is_refused_and_the_person_is_not_in(dana, change):
    client = owes(dana)
    answer = set_up(client, **change)
    assert answer.status_code == 422
    assert answer.context["passkey_form"].non_field_errors() == ["No passkey was added. Try once more."]
    assert answer.context["key"] == totp.text_key(TotpDevice.objects.get(user=dana))  # the other way is still there
    assert passkeys() == []
    assert not is_in(client)


def test_a_passkey_without_a_name_is_asked_for_one(dana):
    client = owes(dana)
    answer = set_up(client, name="  ")
    assert (answer.status_code, list(answer.context["passkey_form"].errors)) == (422, ["name"])
    assert passkeys() == []


def test_of_two_browsers_that_set_up_the_first_factor_one_does(dana):
    first, second = owes(dana), owes(dana)
    assert set_up(first).status_code == 200
    assert set_up_late(second).url == SET_UP
    assert [is_in(first), is_in(second)] == [True, False]
    assert len(passkeys()) == 1


def set_up_late(client):
    return client.post(PASSKEY, {"credential": "{}", "name": "Mine"})


def test_who_lost_a_factor_sets_up_a_passkey_by_the_link_and_the_old_ones_go(harbor, dana, told):
    totp.new_device(dana, confirmed=True)
    recovery_codes.make(dana, now=clock.now())
    factor_recovery.ask(dana, address=None, now=clock.now())
    asked = FactorRecovery.objects.get(user=dana)
    page = f"/harbor/settings/sign-in-security/recovery/{asked.pk}/"
    client_of(join(harbor, Role.OWNER)).post(page, {"decision": "confirm"})
    url = next(facts for kind, _to, facts in told if kind == "recovery_confirmed")["url"]
    client = Client(**HERE)
    assert client.post("/" + url.split("/", 3)[3], {"email": dana.email, "password": PASSWORD}).url == SET_UP
    assert set_up(client).status_code == 200
    assert passkeys() == [(dana.pk, "Work laptop", True)]
    assert TotpDevice.objects.filter(user=dana).count() == 0
    assert FactorRecovery.objects.get().state == "used"
    assert is_in(client)


def test_a_spent_link_keeps_the_passkey_out_again(harbor, dana, told):
    totp.new_device(dana, confirmed=True)
    asked = factor_recovery.ask(dana, address=None, now=clock.now())
    page = f"/harbor/settings/sign-in-security/recovery/{asked.pk}/"
    client_of(join(harbor, Role.OWNER)).post(page, {"decision": "confirm"})
    url = next(facts for kind, _to, facts in told if kind == "recovery_confirmed")["url"]
    client = Client(**HERE)
    client.post("/" + url.split("/", 3)[3], {"email": dana.email, "password": PASSWORD})
    answer = client.post(OPTIONS).json()
    FactorRecovery.objects.update(state="used")
    assert client.post(PASSKEY, {"credential": Authenticator().make(answer), "name": "Mine"}).url == SET_UP
    assert passkeys() == []
    assert TotpDevice.objects.filter(user=dana, confirmed=True).count() == 1
