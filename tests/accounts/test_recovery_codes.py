"""Printed recovery codes: ten, kept as hashes, each passes once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from django.contrib.auth import SESSION_KEY
from django.db import connection

from accounts import recovery_codes, totp
from accounts.models import RecoveryCode
from prm import clock
from tests.accounts.conftest import audited
from tests.accounts.factor_rows import after_password, is_in, person, signed_in, stale

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 24, 12, 0, 3, tzinfo=UTC)
SPEND = "/signin/recover/"


@pytest.fixture
def dana(harbor):
    member = person(harbor)
    totp.new_device(member.user, confirmed=True)
    return member.user


def test_there_are_ten_different_codes_and_the_table_holds_none_of_them(dana):
    codes = recovery_codes.make(dana, now=NOON)
    kept = set(RecoveryCode.objects.values_list("code_hash", flat=True))
    assert len(set(codes)) == len(kept) == 10
    assert {len(one) for one in codes} == {12}
    assert not any(code in hashed for code in codes for hashed in kept)
    assert recovery_codes.left(dana) == 10


def test_a_code_passes_once_and_leaves_nine(dana):
    code = recovery_codes.make(dana, now=NOON)[3]
    assert recovery_codes.spend(dana, code, now=NOON) is not None
    assert recovery_codes.spend(dana, code, now=NOON) is None
    assert recovery_codes.left(dana) == 9


def test_another_persons_code_does_not_pass(dana, harbor):
    eve = person(harbor, email="eve@example.com").user
    code = recovery_codes.make(dana, now=NOON)[0]
    recovery_codes.make(eve, now=NOON)
    assert recovery_codes.spend(eve, code, now=NOON) is None
    assert (recovery_codes.left(dana), recovery_codes.left(eve)) == (10, 10)


def test_new_codes_end_the_old_ones(dana):
    old = recovery_codes.make(dana, now=NOON)
    new = recovery_codes.make(dana, now=NOON)
    assert [recovery_codes.spend(dana, one, now=NOON) for one in old] == [None] * 10
    assert recovery_codes.spend(dana, new[0], now=NOON) is not None


@pytest.mark.django_db(transaction=True)
def test_of_two_requests_with_one_code_one_passes(dana):
    code = recovery_codes.make(dana, now=NOON)[0]

    def spend(_n):
        try:
            return recovery_codes.spend(dana, code, now=NOON) is not None
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(spend, range(4))) == [False, False, False, True]


def test_a_code_as_it_is_printed_lets_in_and_is_told(dana, harbor, told):
    code = recovery_codes.make(dana, now=clock.now())[0]
    client = after_password(dana)

    answer = client.post(SPEND, {"code": f" {recovery_codes.grouped(code).upper()} "})

    assert answer.url == "/harbor/"
    assert is_in(client)
    assert told == [("recovery_code_used", dana.email, {"left": "9"})]
    assert audited(harbor, "factor.code_used") == [{"left": 9}]
    assert audited(harbor, "signin.done") == [{"factors": ["password", "recovery"]}]


def test_a_used_code_opens_nothing(dana):
    code = recovery_codes.make(dana, now=clock.now())[0]
    after_password(dana).post(SPEND, {"code": code})
    second = after_password(dana)
    answer = second.post(SPEND, {"code": code})
    assert answer.status_code == 422
    assert answer.context["form"].errors["code"] == ["That code is not right, or was used before. 9 tries left."]
    assert SESSION_KEY not in second.session


def test_a_code_without_the_password_leads_to_the_door(client, dana):
    code = recovery_codes.make(dana, now=clock.now())[0]
    assert client.post(SPEND, {"code": code}).url == "/signin/"
    assert recovery_codes.left(dana) == 10


def test_wrong_recovery_codes_count_as_guesses_and_the_eleventh_is_not_heard(dana):
    code = recovery_codes.make(dana, now=NOON)[0]
    with clock.at(NOON):
        client = after_password(dana)
        answers = [client.post(SPEND, {"code": "wrongwrong22"}).status_code for _n in range(10)]
        assert answers == [422] * 10
        assert client.post(SPEND, {"code": code}).status_code == 429
    assert recovery_codes.left(dana) == 10


def test_my_sign_in_makes_codes_shown_once_with_a_notice(dana, harbor, told):
    client = signed_in(dana)
    page = client.post("/harbor/settings/my-sign-in/codes/")
    assert len(page.context["codes"]) == 10
    assert page["Cache-Control"] == "no-store"
    assert not any(
        code in client.get("/harbor/settings/my-sign-in/").content.decode() for code in page.context["codes"]
    )
    assert told == [("recovery_codes_made", dana.email, {})]
    assert audited(harbor, "factor.codes_made") == [{}]


def test_codes_are_made_after_a_factor_within_ten_minutes_only(dana):
    client = stale(signed_in(dana))
    assert client.post("/harbor/settings/my-sign-in/codes/").url == "/signin/check/?next="
    assert recovery_codes.left(dana) is None


@pytest.mark.parametrize("typed", ["", "-" * 12, "é" * 12, "0" * 40, "x" * 41, "\x00"])
def test_what_is_no_code_is_refused(dana, typed):
    recovery_codes.make(dana, now=clock.now())
    assert after_password(dana).post(SPEND, {"code": typed}).status_code == 422
    assert recovery_codes.left(dana) == 10
