"""NPI's check digit, and what feeds write for credentials."""

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from accounts import npi, profiles

NINE = st.builds(lambda first, rest: f"{first}{rest:08d}", st.sampled_from("12"), st.integers(0, 99_999_999))


def with_check_digit(nine):
    """The number whose last digit makes it right: CMS's worked example, done the other way round."""
    total = 24  # the constant that stands for 80840 in CMS's instructions
    for position, digit in enumerate(reversed(nine)):
        doubled = int(digit) * 2 if position % 2 == 0 else int(digit)
        total += doubled // 10 + doubled % 10
    return nine + str(-total % 10)


def test_cms_own_example():
    assert with_check_digit("123456789") == "1234567893"
    npi.check("1234567893")


@given(NINE)
def test_of_ten_last_digits_one_is_right(nine):
    right = with_check_digit(nine)
    assert [digit for digit in "0123456789" if npi.is_valid(nine + digit)] == [right[-1]]


@given(NINE, st.integers(0, 9), st.integers(1, 9))
def test_one_wrong_digit_is_found(nine, place, by):
    right = with_check_digit(nine)
    wrong = right[:place] + str((int(right[place]) + by) % 10) + right[place + 1 :]
    assert not npi.is_valid(wrong)


@given(st.text(max_size=12))
def test_any_text_is_right_or_refused_with_a_sentence(text):
    if npi.is_valid(text):
        npi.check(text)
    else:
        with pytest.raises(ValidationError, match="digit"):
            npi.check(text)


@given(NINE)
def test_a_feeds_number_is_kept_where_it_is_one(nine):
    right = with_check_digit(nine)
    assert profiles.read_npi(f" {right[:3]}-{right[3:]} ") == right
    assert profiles.read_npi(right[:-1] + str((int(right[-1]) + 1) % 10)) == ""


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ("PT", "PT"), ("dpt", "PT"), ("PT, DPT, OCS", "PT"), ("DPT OCS", "PT"), ("PTA", "PTA"), ("L.P.T.A.", "PTA"),
        ("OTR/L", "OT"), ("COTA/L", "OTA"), ("CCC-SLP", "SLP"), ("MS, CCC-SLP", "SLP"), ("LAT, ATC", "ATC"),
        ("MD", ""), ("", ""), ("Physician", ""),
    ],
)  # fmt: skip
def test_degrees_are_read_as_the_profession_that_they_are_of(said, means):
    assert profiles.read_credential(said) == means
