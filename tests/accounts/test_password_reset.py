"""A forgotten password: the same answer for everybody, one link, one hour, once; the second factor is asked for."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth import SESSION_KEY
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import password_reset, tasks, totp
from accounts.models import PasswordReset, User
from prm import clock
from tests.accounts.conftest import audited
from tests.accounts.factor_rows import NEW_PASSWORD, PASSWORD, is_in, person, signed_in

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 24, 12, 0, 3, tzinfo=UTC)


@pytest.fixture
def dana(harbor):
    member = person(harbor)
    totp.new_device(member.user, confirmed=True)
    return member.user


def ask(client: Client, email: str = "dana@example.com", **extra):
    return client.post("/signin/reset/", {"email": email}, **extra)


def mailed(told) -> str:
    """The path of the link that was mailed last."""
    return next(facts for kind, _to, facts in reversed(told) if kind == "password_reset")["url"].partition(":8000")[2]


@pytest.fixture
def link(dana, told):
    """Dana's link, asked for at NOON."""
    with clock.at(NOON):
        ask(Client())
        tasks.mail_resets()
    path = mailed(told)
    told.clear()
    return path


def test_a_known_and_an_unknown_address_get_the_same_answer_and_one_of_them_a_mail(dana, told):
    User.objects.create_user("gone@example.com", "Gone", PASSWORD, is_active=False)
    answers = []
    for email in ("dana@example.com", "nobody@example.com", "gone@example.com"):
        client = Client()
        answer = ask(client, email)
        page = client.get(answer.url).content.decode()
        answers.append((answer.status_code, answer.url, page.replace(email, "")[page.find("<h1") :][:600]))
    assert answers[0] == answers[1] == answers[2]
    assert answers[0][:2] == (302, "/signin/reset/?sent")

    assert told == []  # the answer's time tells nothing: the worker writes
    tasks.mail_resets()
    assert [(kind, to) for kind, to, _facts in told] == [("password_reset", "dana@example.com")]


def test_a_known_and_an_unknown_address_cost_the_same_statements(dana):
    counts = []
    for email in ("dana@example.com", "nobody@example.com"):
        with CaptureQueriesContext(connection) as asked:
            ask(Client(), email)
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_a_mail_is_made_once_however_often_the_worker_runs(dana, told):
    ask(Client())
    for _n in range(3):
        tasks.mail_resets()
    assert len(told) == 1


def test_a_request_that_a_worker_missed_for_a_quarter_of_an_hour_is_not_mailed(dana, told):
    with clock.at(NOON):
        ask(Client())
    with clock.at(NOON + timedelta(minutes=16)):
        tasks.mail_resets()
    assert told == []


def test_the_table_holds_no_token(link):
    token = link.rstrip("/").rpartition("/")[2]
    assert token not in PasswordReset.objects.get().link_hash


def test_looking_at_the_link_changes_nothing(client, dana, link, told):
    with clock.at(NOON + timedelta(minutes=5)):
        assert [client.get(link).status_code for _n in range(3)] == [200] * 3
        client.head(link)  # as scanners of mail do
    dana.refresh_from_db()
    assert dana.check_password(PASSWORD)
    assert PasswordReset.objects.get().used_at is None
    assert told == []


def test_a_new_password_ends_all_sessions_and_the_second_factor_is_asked_for_again(client, dana, harbor, link, told):
    with clock.at(NOON + timedelta(minutes=5)):
        elsewhere = signed_in(dana)
        assert is_in(elsewhere)

        answer = client.post(link, {"password": NEW_PASSWORD})

        assert answer.url == "/signin/verify/"
        assert SESSION_KEY not in client.session
        assert not is_in(client)
        assert not is_in(elsewhere)
        code = totp.confirmed_device(dana).code_at(clock.now())
        assert client.post("/signin/verify/", {"code": code}).url == "/harbor/"
        assert is_in(client)
    dana.refresh_from_db()
    assert dana.check_password(NEW_PASSWORD)
    assert told == [("password_changed", dana.email, {})]
    assert audited(harbor, "password.reset") == [{}]


def test_the_link_works_once(client, dana, link):
    with clock.at(NOON + timedelta(minutes=5)):
        assert client.post(link, {"password": NEW_PASSWORD}).status_code == 302
        assert Client().get(link).status_code == 404
        assert Client().post(link, {"password": "another one that is long"}).status_code == 404
    dana.refresh_from_db()
    assert dana.check_password(NEW_PASSWORD)


def test_of_two_requests_with_one_link_one_sets_a_password(dana, link):
    with clock.at(NOON + timedelta(minutes=5)):
        token = link.rpartition("/")[2]
        both = [password_reset.find(token, now=clock.now()) for _n in range(2)]
        assert password_reset.use(both[0], NEW_PASSWORD, now=clock.now()) is not None
        assert password_reset.use(both[1], "another one that is long", now=clock.now()) is None
    dana.refresh_from_db()
    assert dana.check_password(NEW_PASSWORD)


@pytest.mark.parametrize(("minutes", "status"), [(59, 200), (61, 404)])
def test_the_link_works_for_an_hour(client, link, minutes, status):
    with clock.at(NOON + timedelta(minutes=minutes)):
        assert client.get(link).status_code == status


def test_the_newest_link_alone_works(client, dana, link, told):
    with clock.at(NOON + timedelta(minutes=1)):
        ask(Client())
        tasks.mail_resets()
        assert client.get(link).status_code == 404
        assert client.get(mailed(told)).status_code == 200


def test_a_refused_password_leaves_the_link_alive(client, dana, link):
    with clock.at(NOON + timedelta(minutes=5)):
        for weak in ("short", "passwordpassword", "dana kim harbor", "123456789012345"):
            answer = client.post(link, {"password": weak})
            assert answer.status_code == 422
            assert answer.context["form"].errors["password"]
        assert client.post(link, {"password": NEW_PASSWORD}).status_code == 302


def test_a_made_up_token_is_a_dead_link(client, dana, link):
    with clock.at(NOON):
        assert client.get("/signin/reset/made-up").status_code == 404


def test_who_is_switched_off_meanwhile_sets_nothing(client, dana, link):
    User.objects.filter(pk=dana.pk).update(is_active=False)
    with clock.at(NOON + timedelta(minutes=5)):
        assert client.post(link, {"password": NEW_PASSWORD}).status_code == 404


def test_eleven_requests_an_hour_are_too_many_and_lock_nobody_out_of_signing_in(dana, told):
    with clock.at(NOON):
        assert [ask(Client()).status_code for _n in range(11)] == [302] * 10 + [429]
        answer = Client().post("/signin/", {"email": dana.email, "password": PASSWORD})
        assert answer.url == "/signin/verify/"
