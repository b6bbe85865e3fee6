"""What a password must be: long, and nothing that a stranger would try first; no rules of composition."""

import string
from itertools import pairwise

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from accounts import passwords
from accounts.models import User
from tests.accounts.factor_rows import person
from tests.factories.accounts import PracticeFactory

pytestmark = pytest.mark.django_db

NOBODY = None


@pytest.fixture
def dana() -> User:
    return person(PracticeFactory(slug="harbor-pt", name="Harbor Physical Therapy")).user


def is_refused(password: str, user: User | None = NOBODY, **more) -> bool:
    """True where the password is refused with at least one sentence."""
    reasons: list[str] = []
    try:
        passwords.check(password, user, **more)
    except ValidationError as refused:
        reasons = refused.messages
    return any(reasons)


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery", "violet tractor sings 41", "every visit attended", "kq8v2mzr7wtx",
        "ñandú bajo la lluvia",
        "        spaces count too", "小さな猫が屋根の上で眠っている",
    ],
)  # fmt: skip
def test_long_and_of_one_s_own_is_enough(dana, password):
    assert not is_refused(password, dana)
    assert not is_refused(password)


@pytest.mark.parametrize(
    "password",
    [
        "short", "elevenchars", "",
        "password1234", "Password2026!", "passwordpassword", "P@ssw0rd!!!!", "iloveyou2026!!", "monkeymonkeymonkey",
        "aaaaaaaaaaaaaaa", "abcabcabcabc", "123456789012345", "abcdefghijklmnop", "987654321098", "qwertyuiop12",
        "physicaltherapy1", "PhysicalTherapy!!", "rehabclinic2026",
    ],
)  # fmt: skip
def test_what_a_stranger_tries_first_is_refused(password):
    assert is_refused(password)


@pytest.mark.parametrize("password", ["harborphysical26", "H4rb0r-pt-2026!", "danakim@example", "Dana Kim harbor 1"])
def test_words_of_the_person_and_the_practice_do_not_count(dana, password):
    assert is_refused(password, dana)
    longer = f"{password} violet tractor"
    assert not is_refused(longer, dana)


def test_words_of_a_practice_that_is_being_made_do_not_count():
    assert is_refused("bluefinmotion9", words=["Bluefin Motion"])
    assert not is_refused("bluefinmotion9")


def test_more_than_a_thousand_characters_are_refused():
    assert is_refused("violet tractor sings " * 50)
    assert not is_refused("violet tractor sings " * 40)


@given(st.text(max_size=11))
def test_nothing_under_twelve_characters_passes(password):
    assert is_refused(password)


@given(st.lists(st.sampled_from(string.ascii_letters + string.digits), min_size=24, max_size=40, unique=True))
def test_random_characters_pass_unless_they_are_a_run(letters):
    password = "".join(letters)
    steps = [ord(b) - ord(a) for a, b in pairwise(password.lower())]
    assert is_refused(password) == (sum(abs(step) <= 1 for step in steps) > len(steps) * 0.6)


@given(st.text(max_size=200))
def test_any_text_gets_an_answer_and_not_an_error(password):
    is_refused(password)
    is_refused(password, words=[password])
