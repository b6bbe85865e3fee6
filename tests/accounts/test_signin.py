"""Signing in: password, second factor, lock-out, time-outs. The bars A1 to A5: tests/security/test_sign_in.py."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth import SESSION_KEY
from django.test import Client

from accounts import signin, totp
from accounts.models import SignInAttempt, TotpDevice, User
from prm import clock
from prm.tenancy import use_practice
from tests.factories.accounts import MembershipFactory, PracticeFactory, sign_in

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"
NOON = datetime(2026, 11, 24, 12, 0, 3, tzinfo=UTC)


@pytest.fixture
def practice():
    return PracticeFactory(slug="harbor")


@pytest.fixture
def user(practice) -> User:
    person = User.objects.create_user("dana@example.com", "Dana Kim", PASSWORD)
    with use_practice(practice.pk):
        MembershipFactory(user=person)
    return person


@pytest.fixture
def device(user) -> TotpDevice:
    return totp.new_device(user, confirmed=True)


def give_password(
    client: Client, password: str = PASSWORD, email: str = "dana@example.com", path: str = "/signin/", **extra
):
    return client.post(path, {"email": email, "password": password}, **extra)


def give_code(client: Client, code: str, path: str = "/signin/verify/"):
    return client.post(path, {"code": code})


def test_password_and_code_lead_home(client, device):
    with clock.at(NOON):
        assert give_password(client, email=" Dana@Example.com ").url == "/signin/verify/"
        assert SESSION_KEY not in client.session
        answer = give_code(client, device.code_at(NOON))
    assert answer.url == "/harbor/"
    assert client.session[SESSION_KEY] == str(device.user_id)


def test_the_session_key_changes_at_each_step(client, device):
    keys = []
    with clock.at(NOON):
        client.get("/signin/")
        session = client.session
        session["planted"] = 1
        session.save()
        keys.append(session.session_key)
        client.cookies["sessionid"] = session.session_key
        give_password(client)
        keys.append(client.session.session_key)
        give_code(client, device.code_at(NOON))
        keys.append(client.session.session_key)
    assert len(set(keys)) == 3


@pytest.mark.parametrize(
    ("email", "password"),
    [("dana@example.com", "wrong"), ("nobody@example.com", PASSWORD), ("gone@example.com", PASSWORD)],
)
def test_every_wrong_sign_in_reads_the_same(client, device, email, password):
    User.objects.create_user("gone@example.com", "Gone", PASSWORD, is_active=False)

    answer = give_password(client, password, email)

    assert answer.status_code == 422
    assert answer.context["form"].non_field_errors() == ["E-mail and password do not fit together. Check both."]
    assert "signin" not in client.session


def test_an_unknown_user_costs_as_many_hashes_as_a_known_one(client, device, monkeypatch):
    from django.contrib.auth.hashers import MD5PasswordHasher  # noqa: PLC0415  (wanted by this test alone)

    hashes = []
    encode = MD5PasswordHasher.encode
    monkeypatch.setattr(MD5PasswordHasher, "encode", lambda *args: hashes.append(1) or encode(*args))
    counts = []
    for email in ("dana@example.com", "nobody@example.com"):
        hashes.clear()
        give_password(client, "wrong", email)
        counts.append(len(hashes))
    assert counts[0] == counts[1] == 1


def test_a_code_is_accepted_once(client, device):
    code = device.code_at(NOON)
    with clock.at(NOON):
        give_password(client)
        assert give_code(client, code).status_code == 302
        again = Client()
        give_password(again)
        assert give_code(again, code).status_code == 422


@pytest.mark.parametrize(("steps", "right"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_phones_clock_may_be_off_by_one_step(device, steps, right):
    code = device.code_at(NOON + timedelta(seconds=30 * steps))
    with clock.at(NOON):
        assert device.verify_token(code) is right


def test_no_code_from_before_the_newest_accepted_one(device):
    earlier = device.code_at(NOON - timedelta(seconds=30))
    with clock.at(NOON):
        assert device.verify_token(device.code_at(NOON))
        device.refresh_from_db()
        assert not device.verify_token(earlier)


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "１２３４５６", "-12345"])
def test_what_is_no_code_is_no_guess(client, device, code):
    give_password(client)
    before = SignInAttempt.objects.count()
    assert give_code(client, code).status_code == 422
    assert SignInAttempt.objects.count() == before


def test_a_code_may_be_typed_with_a_space(client, device):
    with clock.at(NOON):
        give_password(client)
        code = device.code_at(NOON)
        assert give_code(client, f" {code[:3]} {code[3:]}").status_code == 302


def test_wrong_codes_make_the_next_one_wait_and_say_how_many_are_left(client, device):
    with clock.at(NOON):
        give_password(client)
        first = give_code(client, "000000")
        second = give_code(client, "000000")
    assert first.context["form"].errors["code"] == ["That code is not right. 9 tries left."]
    assert second.context["form"].errors["code"] == ["Wait 1 second, then try again."]


def test_the_eleventh_guess_within_an_hour_is_not_heard_even_if_it_is_right(client, device):
    for at in range(10):
        with clock.at(NOON + timedelta(minutes=at)):
            assert give_password(client, "wrong", REMOTE_ADDR=f"192.0.2.{at}").status_code == 422
    with clock.at(NOON + timedelta(minutes=12)):
        answer = give_password(client, REMOTE_ADDR="192.0.2.99")
    assert answer.status_code == 429
    assert answer.context["form"].non_field_errors() == ["Too many wrong tries. You can try again in 48 minutes."]
    with clock.at(NOON + timedelta(minutes=60)):
        assert give_password(client).status_code == 302


def test_codes_count_as_guesses_too(client, device):
    moment = NOON
    for _ in range(5):
        with clock.at(moment):
            give_password(client, "wrong")
    for at in range(5):
        moment += timedelta(minutes=1 + at)
        with clock.at(moment):
            give_password(client)
            assert give_code(client, "000000").status_code == 422
    with clock.at(moment + timedelta(minutes=5)):
        assert give_code(client, device.code_at(moment + timedelta(minutes=5))).status_code == 429


def test_a_success_in_between_buys_no_further_guesses(client, device):
    with clock.at(NOON):
        for _ in range(9):
            give_password(client, "wrong")
        assert give_password(client).status_code == 302
        give_password(client, "wrong")
        assert give_password(client).status_code == 429


def test_an_address_has_ten_guesses_over_all_accounts_but_does_not_lock_out_who_works_there(client, device):
    with clock.at(NOON - timedelta(days=3)):
        give_password(client)
        give_code(client, device.code_at(clock.now()))
    stranger = User.objects.create_user("new@example.com", "New", PASSWORD)
    with clock.at(NOON):
        for at in range(10):
            assert give_password(Client(), "wrong", f"guess{at}@example.com").status_code == 422
        assert give_password(Client(), email=stranger.email).status_code == 429
        assert give_password(Client()).status_code == 302
        assert give_password(Client(), email=stranger.email, REMOTE_ADDR="192.0.2.7").status_code == 302


def test_a_lock_says_nothing_about_whether_the_account_exists(client, device):
    bodies = []
    for email in ("dana@example.com", "nobody@example.com"):
        with clock.at(NOON):
            for at in range(10):
                give_password(client, "wrong", email, REMOTE_ADDR=f"192.0.2.{at}")
            bodies.append(give_password(client, "wrong", email, REMOTE_ADDR="192.0.2.50"))
    assert {body.status_code for body in bodies} == {429}
    assert bodies[0].context["form"].non_field_errors() == bodies[1].context["form"].non_field_errors()


def test_attempts_keep_no_e_mail(client, device):
    give_password(client, "wrong", "secret-password@example.com")
    [attempt] = SignInAttempt.objects.values_list("account", flat=True)
    assert "secret" not in attempt
    assert len(attempt) == 64


def test_a_password_waits_ten_minutes_for_its_code(client, device):
    with clock.at(NOON):
        give_password(client)
    with clock.at(NOON + timedelta(minutes=11)):
        assert give_code(client, device.code_at(clock.now())).url == "/signin/"


def test_a_password_changed_meanwhile_opens_nothing(client, user, device):
    with clock.at(NOON):
        give_password(client)
        user.set_password("another long password")
        user.save()
        assert give_code(client, device.code_at(NOON)).url == "/signin/"


def test_idle_for_fifteen_minutes_signs_out_and_leads_back(client, user):
    with clock.at(NOON):
        sign_in(client, user)
    with clock.at(NOON + timedelta(minutes=14)):
        assert client.get("/practices/").status_code == 200
    with clock.at(NOON + timedelta(minutes=28, seconds=59)):
        assert client.get("/practices/").status_code == 200
    with clock.at(NOON + timedelta(minutes=44)):
        assert client.get("/practices/").url == "/signin/?next=%2Fpractices%2F&why=idle"
    assert SESSION_KEY not in client.session


def test_twelve_hours_are_the_end_of_any_session(client, user):
    moment = NOON
    with clock.at(moment):
        sign_in(client, user)
    while moment < NOON + timedelta(hours=12) - timedelta(minutes=10):
        moment += timedelta(minutes=10)
        with clock.at(moment):
            assert client.get("/practices/").status_code == 200
    with clock.at(NOON + timedelta(hours=12)):
        assert client.get("/practices/").status_code == 302


def test_a_session_without_our_times_is_no_session(client, user):
    client.force_login(user)
    assert client.get("/practices/").status_code == 302
    assert SESSION_KEY not in client.session


def test_a_user_who_is_switched_off_is_out_on_his_next_request(client, user):
    sign_in(client, user)
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert client.get("/practices/").status_code == 302


def test_an_unconfirmed_device_verifies_nobody(client, user):
    device = sign_in(client, user)
    TotpDevice.objects.filter(pk=device.pk).update(confirmed=False)
    assert client.get("/practices/").status_code == 302


def test_another_persons_device_verifies_nobody(client, user):
    sign_in(client, user)
    other = totp.new_device(User.objects.create_user("eve@example.com", "Eve", PASSWORD), confirmed=True)
    session = client.session
    session["otp_device_id"] = other.persistent_id
    session.save()
    assert client.get("/practices/").status_code == 302


@pytest.mark.parametrize(
    ("wanted", "leads_to"),
    [
        ("/harbor/inbox/?view=mine", "/harbor/inbox/?view=mine"),
        ("https://evil.example/", "/harbor/"),
        ("//evil.example/", "/harbor/"),
        ("/\\evil.example/", "/harbor/"),
        ("javascript:alert(1)", "/harbor/"),
        ("harbor/", "/harbor/"),
    ],
)
def test_next_leads_to_our_own_pages_only(client, device, wanted, leads_to):
    with clock.at(NOON):
        client.post(
            "/signin/?" + "next=" + wanted.replace("&", "%26").replace("?", "%3F"),
            {"email": "dana@example.com", "password": PASSWORD},
        )
        assert give_code(client, device.code_at(NOON)).url == leads_to


def test_without_a_factor_the_way_leads_to_its_set_up(client, user):
    with clock.at(NOON):
        assert give_password(client).url == "/signin/factor/"
        page = client.get("/signin/factor/")
        device = TotpDevice.objects.get(user=user)
        assert not device.confirmed
        assert page.context["key"] == totp.text_key(device)
        assert "style=" not in page.content.decode()
        assert give_code(client, "000000", "/signin/factor/").status_code == 422
    with clock.at(NOON + timedelta(seconds=5)):
        device.refresh_from_db()
        codes = give_code(client, device.code_at(clock.now()), "/signin/factor/")
        assert (codes.status_code, len(codes.context["codes"]), codes.context["leads_to"]) == (200, 10, "/harbor/")
    device.refresh_from_db()
    assert device.confirmed


def test_set_up_is_closed_to_who_has_a_factor(client, device):
    give_password(client)
    assert client.get("/signin/factor/").url == "/signin/verify/"
    assert TotpDevice.objects.count() == 1


def test_each_password_makes_a_new_key_until_one_is_confirmed(client, user):
    keys = set()
    for _ in range(2):
        give_password(client)
        keys.add(TotpDevice.objects.get(user=user).key)
    assert len(keys) == 2


def test_the_key_is_encrypted_for_its_user(user, device):
    key = device.key
    assert key not in bytes(device.sealed_key)
    other = User.objects.create_user("eve@example.com", "Eve", PASSWORD)
    device.user = other
    with pytest.raises(ValueError, match="sealed_key"):
        _ = device.key


def test_signing_out_is_a_post_and_ends_the_session(client, user):
    sign_in(client, user)
    assert client.get("/signout").status_code == 405
    assert client.post("/signout").url == "/signin/?why=signed_out"
    assert client.get("/practices/").status_code == 302


def test_old_attempts_go_with_the_next_sign_in(client, device):
    with clock.at(NOON - signin.KEPT_FOR - timedelta(days=1)):
        give_password(client, "wrong")
    with clock.at(NOON):
        give_password(client)
        give_code(client, device.code_at(NOON))
    assert SignInAttempt.objects.filter(passed=False).count() == 0


def test_a_fragments_request_sends_the_whole_page_to_the_door(client, practice):
    answer = client.get(
        "/practices/", headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/harbor/inbox/?view=mine"}
    )
    assert answer.headers["HX-Redirect"] == "/signin/?next=%2Fharbor%2Finbox%2F%3Fview%3Dmine"
