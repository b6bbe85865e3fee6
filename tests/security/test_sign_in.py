"""A1 to A5 of security.md section 6: the second factor, guesses, replay, idle time, revocation.

Each prints its figure beside its bar. What the pages do besides is in tests/accounts (test_signin, test_sessions).
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from accounts import invitations, notify, people, recovery_codes, sessions, totp
from accounts.models import FactorRecovery, Membership, Practice, SignInAttempt, User
from accounts.tasks import mail_resets
from prm import clock
from prm.tenancy import use_practice
from tests.accounts.conftest import client_of, join
from tests.accounts.factor_rows import NEW_PASSWORD, PASSWORD, after_password, is_in, person, rows_of, signed_in
from tests.factories.accounts import PracticeFactory, sign_in
from tests.security import urls

pytestmark = pytest.mark.django_db

Role = Membership.Role
NOON = datetime(2026, 11, 24, 12, 0, 3, tzinfo=UTC)
GUESSES_AN_HOUR = 10
IDLE = timedelta(minutes=15)
MINE = "/harbor/settings/my-sign-in/"


@pytest.fixture
def mails(monkeypatch) -> Callable[[str], str]:
    """The path of the link that was mailed last, by the kind of its notice."""
    sent: list[notify.Notice] = []
    monkeypatch.setattr(notify, "_senders", [sent.append])

    def path(kind: str) -> str:
        return "/" + next(one for one in reversed(sent) if one.kind == kind).facts["url"].split("/", 3)[3]

    return path


@pytest.fixture
def harbor() -> Practice:
    """A practice, closed."""
    return PracticeFactory(slug="harbor")


@pytest.fixture
def dana(harbor) -> User:
    """Its owner: nothing but a second factor keeps her from its pages."""
    member = person(harbor)
    totp.new_device(member.user, confirmed=True)
    return member.user


def at_once(act: Callable[[int], Any], racers: int) -> list[Any]:
    """What `act(0)` … `act(racers - 1)` answer, each in a thread and a connection of its own."""

    def run(number: int) -> Any:
        try:
            return act(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(racers) as pool:
        return list(pool.map(run, range(racers)))


# --- A1: pages reachable without a second factor ---


def nobody(user: User, mails: Callable[[str], str]) -> Client:
    """No session at all."""
    return Client()


def who_owes_the_code(user: User, mails: Callable[[str], str]) -> Client:
    """The right password was given."""
    return after_password(user)


def who_owes_the_set_up(user: User, mails: Callable[[str], str]) -> Client:
    """The right password of a person who has no factor yet."""
    user.totpdevice_set.all().delete()
    client = after_password(user)
    assert client.get("/signin/factor/").status_code == 200
    return client


def whom_django_takes_for_signed_in(user: User, mails: Callable[[str], str]) -> Client:
    """Django's own sign-in, with our times and without a device."""
    client, now = Client(), clock.now().timestamp()
    client.force_login(user)
    session = client.session
    session.update({"signed_in_at": now, "seen_at": now, "proved_at": now})
    session.save()
    return client


def who_set_a_password_by_a_mailed_link(user: User, mails: Callable[[str], str]) -> Client:
    """“Forgot it?”, the link, a new password."""
    client = Client()
    client.post("/signin/reset/", {"email": user.email})
    mail_resets()
    assert client.post(mails("password_reset"), {"password": NEW_PASSWORD}).url == "/signin/verify/"
    return client


def who_came_by_a_recovery_link(user: User, mails: Callable[[str], str]) -> Client:
    """The factor is lost, a second person confirmed: link and password are given, the new factor is owed."""
    practice = Practice.objects.get(slug="harbor")
    assert after_password(user).post("/signin/recover/request/").url == "/signin/recover/"
    asked = FactorRecovery.objects.get(user=user)
    second = client_of(join(practice, Role.OWNER))
    second.post(f"/harbor/settings/sign-in-security/recovery/{asked.pk}/", {"decision": "confirm"})
    client = Client()
    link = mails("recovery_confirmed")
    assert client.post(link, {"email": user.email, "password": PASSWORD}).url == "/signin/factor/"
    assert client.get("/signin/factor/").status_code == 200
    return client


def who_accepts_an_invitation(user: User, mails: Callable[[str], str]) -> Client:
    """A new person who chose a password at the link and owes the set-up."""
    practice = Practice.objects.get(slug="harbor")
    with use_practice(practice.pk):
        by = Membership.objects.get(user=user)
        invitations.invite(practice, "sam@example.com", Role.OWNER, by=by, now=clock.now())
    client = Client()
    answer = client.post(mails("invitation"), {"name": "Sam Lee", "password": "violet tractor sings 41"})
    assert answer.url == "/signin/factor/"
    return client


WITHOUT_A_FACTOR = [
    nobody, who_owes_the_code, who_owes_the_set_up, whom_django_takes_for_signed_in,
    who_set_a_password_by_a_mailed_link, who_came_by_a_recovery_link, who_accepts_an_invitation,
]  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_a1_no_page_is_reached_without_a_second_factor(harbor, mails, report):
    closed = [one for one in urls.addresses() if not one.is_open and not one.is_portal]
    paths = {one.name: urls.path(one, harbor) for one in closed}
    assert len(paths) > 100
    for number, who in enumerate(WITHOUT_A_FACTOR):
        user = person(harbor, email=f"owner{number}@example.com").user
        totp.new_device(user, confirmed=True)
        client, reached = who(user, mails), set()
        before = rows_of(user)
        for name, path in paths.items():
            for method in ("GET", "POST"):
                answer = client.generic(method, path)
                if not (answer.status_code == 302 and answer.url.startswith("/signin/")):
                    reached.add((name, method, answer.status_code))
        assert rows_of(user) <= before, who  # none of these requests made a session of hers
        report(f"A1 {who.__name__}", len(reached), 0, not reached)


# --- A2: guesses before the lock ---


def by_password(client: Client, user: User) -> int:
    """The status of one wrong password."""
    return client.post("/signin/", {"email": user.email, "password": "wrong"}).status_code


def by_code(client: Client, user: User) -> int:
    """The status of one wrong code after the right password."""
    client.post("/signin/", {"email": user.email, "password": PASSWORD})
    return client.post("/signin/verify/", {"code": "000000"}).status_code


def by_printed_code(client: Client, user: User) -> int:
    """The status of one wrong printed code after the right password."""
    client.post("/signin/", {"email": user.email, "password": PASSWORD})
    return client.post("/signin/recover/", {"code": "abcd-efgh-jkmn"}).status_code


def heard() -> int:
    """How many wrong guesses were held against anything."""
    return SignInAttempt.objects.filter(passed=False).count()


@pytest.mark.parametrize("guess", [by_password, by_code, by_printed_code], ids=lambda guess: guess.__name__)
def test_a2_ten_wrong_guesses_an_hour_are_heard_from_wherever_they_come(dana, report, guess):
    for minute in range(59):
        with clock.at(NOON + timedelta(minutes=minute)):
            guess(Client(REMOTE_ADDR=f"192.0.2.{minute}"), dana)
    with clock.at(NOON + timedelta(minutes=59)):
        right = Client(REMOTE_ADDR="192.0.2.200").post("/signin/", {"email": dana.email, "password": PASSWORD})
    assert right.status_code == 429  # the right one is not heard either
    report(f"A2 {guess.__name__}", heard(), f"<={GUESSES_AN_HOUR}/h", heard() == GUESSES_AN_HOUR)


@pytest.mark.django_db(transaction=True)
def test_a2_guesses_that_race_are_no_more(dana, report):
    def guess(number: int) -> int:
        return by_password(Client(REMOTE_ADDR=f"192.0.2.{number}"), dana)

    answered = at_once(guess, 25).count(422)
    assert answered == heard()
    report("A2 racing", answered, f"<={GUESSES_AN_HOUR}/h", answered == GUESSES_AN_HOUR)


def test_a2_guesses_at_many_accounts_from_one_address_are_no_more(dana, report):
    for minute in range(30):
        with clock.at(NOON + timedelta(minutes=minute)):
            Client().post("/signin/", {"email": f"guess{minute}@example.com", "password": "wrong"})
    report("A2 one address", heard(), f"<={GUESSES_AN_HOUR}/h", heard() == GUESSES_AN_HOUR)


# --- A3: replay of a code ---


def test_a3_a_code_that_was_used_opens_nothing_again(dana, report):
    device, replayed = totp.confirmed_device(dana), 0
    with clock.at(NOON):
        code = device.code_at(NOON)
        first = after_password(dana)
        assert first.post("/signin/verify/", {"code": code}).status_code == 302
    for seconds in range(0, 90, 8):  # as long as the app's clock may be off, and past it; apart from wrong codes' waits
        with clock.at(NOON + timedelta(seconds=seconds)):
            device.refresh_from_db()
            device.throttling_failure_count, device.throttling_failure_timestamp = 0, None
            device.save()
            again = Client(REMOTE_ADDR=f"192.0.2.{seconds}")
            again.post("/signin/", {"email": dana.email, "password": PASSWORD})
            again.post("/signin/verify/", {"code": code})
            replayed += is_in(again)
    report("A3 replays", replayed, 0, replayed == 0)


@pytest.mark.django_db(transaction=True)
def test_a3_of_requests_that_race_with_one_code_one_passes(dana, report):
    clients = [after_password(dana) for _n in range(6)]
    code = totp.confirmed_device(dana).code_at(clock.now())
    passed = at_once(lambda number: clients[number].post("/signin/verify/", {"code": code}).status_code, 6).count(302)
    report("A3 racing", passed - 1, 0, passed == 1)


def test_a3_a_printed_code_passes_once(dana, report):
    code = recovery_codes.make(dana, now=clock.now())[0]
    passed = [after_password(dana).post("/signin/recover/", {"code": code}).status_code for _n in range(3)].count(302)
    report("A3 printed code", passed - 1, 0, passed == 1)


# --- A4: idle log-off ---


def test_a4_fifteen_minutes_without_use_are_the_end(harbor, dana, report):
    client = Client()
    with clock.at(NOON):
        sign_in(client, dana)
        assert client.get("/harbor/").status_code == 200
    ended = None
    for second in (60, 840, 899, 900):
        with clock.at(NOON + timedelta(seconds=second)):
            before = dict(client.session)
            if client.get("/harbor/").status_code == 302:
                ended = timedelta(seconds=second)
                break
            kept = client.session  # as if this request had not been: the next one comes after a longer rest
            kept.update(before)
            kept.save()
    report("A4 idle log-off", ended, "15 min", ended == IDLE)


# --- A5: revocation on the next request ---


def by_its_owner(harbor: Practice, user: User, here: Client) -> None:
    here.post(f"{MINE}sessions/end/", {"session": "others"})


def by_its_owner_one_of_them(harbor: Practice, user: User, here: Client) -> None:
    wanted = next(one.id for one in sessions.sessions_of(user, this_key=here.session.session_key) if not one.is_this)
    here.post(f"{MINE}sessions/end/", {"session": wanted})


def by_a_colleague(harbor: Practice, user: User, here: Client) -> None:
    with use_practice(harbor.pk):
        member = Membership.objects.get(user=user)
    client_of(join(harbor, Role.OWNER)).post(f"/harbor/settings/sign-in-security/{member.pk}/sessions/end/")


def by_a_new_password(harbor: Practice, user: User, here: Client) -> None:
    here.post(f"{MINE}password/", {"password": NEW_PASSWORD})


def by_a_new_factor(harbor: Practice, user: User, here: Client) -> None:
    here.post(f"{MINE}app/", {"begin": "1"})
    here.post(f"{MINE}app/", {"code": totp.unconfirmed_device(user).code_at(clock.now())})


def by_another_role(harbor: Practice, user: User, here: Client) -> None:
    join(harbor, Role.OWNER)
    with use_practice(harbor.pk):
        member = Membership.objects.get(user=user)
        people.change(harbor, member, role=Role.MANAGER, clinics=[], therapist=None, now=clock.now())


def by_leaving(harbor: Practice, user: User, here: Client) -> None:
    join(harbor, Role.OWNER)
    with use_practice(harbor.pk):
        people.leave(harbor, Membership.objects.get(user=user), cover=None, now=clock.now())


def by_being_switched_off(harbor: Practice, user: User, here: Client) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def by_the_loss_of_its_factor(harbor: Practice, user: User, here: Client) -> None:
    user.totpdevice_set.all().delete()


def by_signing_out(harbor: Practice, user: User, here: Client) -> None:
    """A cookie that was copied before its owner signed out is worth nothing after."""
    copied = Client()
    copied.cookies["sessionid"] = here.session.session_key
    assert is_in(copied)
    here.post("/signout")
    assert not is_in(copied)
    sessions.end_sessions(user)


REVOCATIONS = [
    by_its_owner, by_its_owner_one_of_them, by_a_colleague, by_a_new_password, by_a_new_factor, by_another_role,
    by_leaving, by_being_switched_off, by_the_loss_of_its_factor, by_signing_out,
]  # fmt: skip


@pytest.mark.parametrize("revoke", REVOCATIONS, ids=lambda revoke: revoke.__name__)
def test_a5_a_session_that_was_ended_is_nobodys_at_its_next_request(harbor, dana, report, revoke):
    here, stolen = signed_in(dana), signed_in(dana)
    assert [is_in(here), is_in(stolen)] == [True, True]
    revoke(harbor, dana, here)
    refused = not is_in(stolen)
    report(f"A5 {revoke.__name__}", "100 %" if refused else "0 %", "100 %", refused)
