"""Passkeys: as the only step, the second one, and to go on; every answer that proves nothing is refused."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth import SESSION_KEY
from django.test import Client
from django_otp_webauthn.models import WebAuthnCredential, WebAuthnUserHandle
from webauthn.helpers import bytes_to_base64url

from accounts import totp
from accounts.models import Membership, SignInAttempt, User
from prm import clock
from tests.accounts.authenticator import Authenticator
from tests.accounts.conftest import audited
from tests.accounts.factor_rows import PASSWORD, is_in, person, stale
from tests.factories.accounts import sign_in

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 24, 12, 0, 3, tzinfo=UTC)
MINE = "/harbor/settings/my-sign-in/"
KEYS = f"{MINE}passkeys/"
ONLY, SECOND, CHECK = "/signin/passkey/", "/signin/verify/passkey/", "/signin/check/passkey/"


@pytest.fixture(autouse=True)
def _clock():
    with clock.at(NOON):
        yield


@pytest.fixture
def dana(harbor):
    member = person(harbor)
    totp.new_device(member.user, confirmed=True)
    return member.user


@pytest.fixture
def eve(harbor):
    member = person(harbor, Membership.Role.FRONT_DESK, "eve@example.com", "Eve")
    totp.new_device(member.user, confirmed=True)
    return member.user


def browser() -> Client:
    return Client(headers={"host": "localhost"})


def signed_in(user) -> Client:
    client = browser()
    sign_in(client, user)
    return client


def after_password(user) -> Client:
    client = browser()
    client.post("/signin/", {"email": user.email, "password": PASSWORD})
    return client


def options(client, path):
    answer = client.post(f"{path}options")
    assert answer.status_code == 200, answer.status_code
    return answer.json()


def give(client, path, credential, **more):
    return client.post(path, {"credential": credential, **more})


def add(user, key=None, name="Work laptop") -> Authenticator:
    """A passkey of `user`, made through the pages."""
    client, key = signed_in(user), key or Authenticator()
    answer = give(client, KEYS, key.make(options(client, KEYS)), name=name)
    assert answer.status_code == 302, answer.content.decode()
    return key


# --- what works ---


def test_a_passkey_is_added_with_a_notice_and_the_other_sessions_end(dana, harbor, told):
    other = signed_in(dana)
    add(dana)
    assert list(WebAuthnCredential.objects.values_list("user", "name", "confirmed")) == [(dana.pk, "Work laptop", True)]
    assert not is_in(other)
    assert told == [("factor_added", dana.email, {"factor": "passkey"})]
    assert audited(harbor, "factor.added") == [{"factor": "passkey"}]


def test_a_passkey_is_the_only_step(dana, harbor):
    key, client = add(dana), browser()
    answer = give(client, ONLY, key.answer(options(client, ONLY)))
    assert answer.url == "/harbor/"
    assert client.session[SESSION_KEY] == str(dana.pk)
    assert is_in(client)
    assert audited(harbor, "signin.done") == [{"factors": ["passkey"]}]


def test_a_passkey_is_the_second_step(dana, harbor):
    key, client = add(dana), after_password(dana)
    asked = options(client, SECOND)
    assert [one["id"] for one in asked["allowCredentials"]] == [bytes_to_base64url(key.id)]
    assert give(client, SECOND, key.answer(asked)).url == "/harbor/"
    assert is_in(client)
    assert audited(harbor, "signin.done") == [{"factors": ["password", "passkey"]}]


def test_a_passkey_is_the_factor_that_is_asked_for_again(dana):
    key, client = add(dana), stale(signed_in(dana))
    assert client.get(f"{MINE}password/").url.startswith("/signin/check/")
    assert give(client, f"{CHECK}?next={MINE}password/", key.answer(options(client, CHECK))).url == f"{MINE}password/"
    assert client.get(f"{MINE}password/").status_code == 200


def test_who_is_asked_before_the_password_is_not_told_whose_passkeys_there_are(dana):
    add(dana)
    asked = options(browser(), ONLY)
    assert asked.get("allowCredentials", []) == []
    assert asked["userVerification"] == "required"


# --- what proves nothing ---


def refused(client, path, credential):
    """True where the answer lets nobody in, the page says so and the guess counts."""
    before = SignInAttempt.objects.filter(step="passkey", passed=False).count()
    answer = give(client, path, credential)
    counted = SignInAttempt.objects.filter(step="passkey", passed=False).count() - before
    said = "That passkey did not work here." in answer.content.decode()
    return (answer.status_code, said, counted, SESSION_KEY in client.session) == (422, True, 1, False)


def test_another_challenge_is_refused(dana):
    key, client = add(dana), browser()
    assert refused(client, ONLY, key.answer(options(client, ONLY), challenge="c29tZXRoaW5nIGVsc2U"))


def test_the_challenge_of_another_browser_is_refused(dana):
    key, client, other = add(dana), browser(), browser()
    options(client, ONLY)
    assert refused(client, ONLY, key.answer(options(other, ONLY)))


def test_an_answer_given_twice_is_refused(dana):
    key, client = add(dana), browser()
    answer = key.answer(options(client, ONLY))
    give(client, ONLY, answer)
    client.post("/signout")
    assert refused(client, ONLY, answer)
    options(client, ONLY)
    assert refused(client, ONLY, answer)


def test_an_answer_spends_its_challenge_even_where_it_is_wrong(dana):
    key, client = add(dana), browser()
    asked = options(client, ONLY)
    assert refused(client, ONLY, Authenticator().answer(asked))
    assert refused(client, ONLY, key.answer(asked))


def test_an_answer_after_five_minutes_is_refused(dana):
    key, client = add(dana), browser()
    answer = key.answer(options(client, ONLY))
    with clock.at(NOON + timedelta(minutes=6)):
        assert refused(client, ONLY, answer)


def test_another_persons_passkey_is_no_second_step(dana, eve):
    add(dana)
    key, client = add(eve), after_password(dana)
    assert refused(client, SECOND, key.answer(options(client, SECOND)))


def test_an_answer_for_another_purpose_is_refused(dana):
    key, client = add(dana), after_password(dana)
    assert refused(client, SECOND, key.answer(options(client, ONLY)))
    assert refused(client, ONLY, key.answer(options(client, SECOND)))


def test_an_answer_that_names_another_person_is_refused(dana, eve):
    key, client = add(dana), browser()
    theirs = bytes_to_base64url(WebAuthnUserHandle.get_handle_for_user(eve))
    assert refused(client, ONLY, key.answer(options(client, ONLY), handle=theirs))


@pytest.mark.parametrize("change", ["origin", "site", "unverified", "key"])
def test_another_site_a_holder_who_proved_nothing_and_a_forged_key_are_refused(dana, change):
    key, client = add(dana), browser()
    asked, said = options(client, ONLY), {}
    if change == "origin":
        key.origin = "http://localhost.example"
    elif change == "site":
        said = {"rpId": "example.com"}
    elif change == "unverified":
        key.verifies = False
    else:
        key.key = Authenticator().key
    assert refused(client, ONLY, key.answer(asked, **said))


@pytest.mark.parametrize("answer", ["x", "[]", "{}", "null", '{"rawId": 7}', '{"rawId": "AAAA", "response": null}'])
def test_what_is_no_answer_is_refused(dana, answer):
    client = browser()
    options(client, ONLY)
    assert refused(client, ONLY, answer)


def test_a_copied_key_is_noticed_by_its_counter(dana):
    key, client = add(dana), browser()
    key.count = 10
    give(client, ONLY, key.answer(options(client, ONLY)))
    client.post("/signout")
    key.count = 3
    assert refused(client, ONLY, key.answer(options(client, ONLY)))


def test_who_is_switched_off_does_not_come_in_by_a_passkey(dana):
    key, client = add(dana), browser()
    User.objects.filter(pk=dana.pk).update(is_active=False)
    assert refused(client, ONLY, key.answer(options(client, ONLY)))


def test_a_removed_passkey_opens_nothing(dana):
    key, client = add(dana), browser()
    WebAuthnCredential.objects.all().delete()
    assert refused(client, ONLY, key.answer(options(client, ONLY)))


def test_the_eleventh_guess_within_an_hour_is_not_heard_even_if_it_is_right(dana):
    key = add(dana)
    for _n in range(10):
        client = browser()
        assert refused(client, ONLY, key.answer(options(client, ONLY), challenge="d3Jvbmc"))
    client = browser()
    assert give(client, ONLY, key.answer(options(client, ONLY))).status_code == 429
    assert SESSION_KEY not in client.session
    with clock.at(NOON + timedelta(minutes=61)):
        assert give(client, ONLY, key.answer(options(client, ONLY))).status_code == 302


def test_passkeys_codes_and_passwords_share_the_ten_guesses(dana):
    key = add(dana)
    for _n in range(5):
        client = browser()
        give(client, ONLY, key.answer(options(client, ONLY), challenge="d3Jvbmc"))
        browser().post("/signin/", {"email": dana.email, "password": "wrong"})
    assert browser().post("/signin/", {"email": dana.email, "password": PASSWORD}).status_code == 429


# --- adding ---


def test_a_passkey_that_somebody_has_is_not_added_again(dana, eve):
    key = add(dana)
    client = signed_in(eve)
    answer = give(client, KEYS, key.make(options(client, KEYS)), name="Mine too")
    assert answer.status_code == 422
    assert list(WebAuthnCredential.objects.values_list("user", flat=True)) == [dana.pk]


@pytest.mark.parametrize("wrong", ["challenge", "origin", "unverified", "junk", "none asked"])
def test_what_the_browser_did_not_make_for_this_page_is_not_added(dana, wrong):
    client, key = signed_in(dana), Authenticator()
    asked = options(client, KEYS)
    if wrong == "challenge":
        asked = {**asked, "challenge": "d3Jvbmc"}
    elif wrong == "origin":
        key.origin = "http://localhost.example"
    elif wrong == "unverified":
        key.verifies = False
    elif wrong == "none asked":
        client = signed_in(dana)
    made = "junk" if wrong == "junk" else key.make(asked)
    assert give(client, KEYS, made, name="Key").status_code == 422
    assert WebAuthnCredential.objects.count() == 0


def test_a_person_has_at_most_ten(dana):
    for n in range(10):
        add(dana, name=f"Key {n}")
    client = signed_in(dana)
    assert give(client, KEYS, Authenticator().make(options(client, KEYS)), name="Eleventh").status_code == 422
    assert WebAuthnCredential.objects.count() == 10


# --- where ---


@pytest.mark.parametrize(
    ("site_url", "host", "possible"),
    [
        ("http://127.0.0.1:8000", "localhost:8000", True),
        ("http://127.0.0.1:8000", "127.0.0.1:8000", False),
        ("http://192.0.2.7", "localhost", False),
        ("http://prm.example.com", "prm.example.com", False),
        ("https://prm.example.com", "localhost", False),
    ],
)
def test_passkeys_are_offered_where_browsers_have_them_and_elsewhere_it_is_said_why(settings, site_url, host, possible):
    settings.SITE_URL, settings.ALLOWED_HOSTS = site_url, ["*"]
    client = Client(headers={"host": host})
    assert client.post(f"{ONLY}options").status_code == (200 if possible else 409)
    page = client.get("/signin/").content.decode()
    assert ("data-passkey" in page, "Passkeys " in page) == (possible, not possible)
