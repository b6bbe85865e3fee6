"""How numbers, dates and phone numbers read."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone, translation
from hypothesis import given
from hypothesis import strategies as st

from prm import clock
from prm.ui import words

NOW = datetime(2026, 11, 24, 22, 0, tzinfo=UTC)  # Tuesday, 5:00 pm in New York


@pytest.fixture(autouse=True)
def _new_york_on_november_24() -> object:
    with clock.at(NOW), timezone.override("America/New_York"), translation.override("en"):
        yield


def test_counts() -> None:
    assert [words.count(n) for n in (0, 999, 12431, -3)] == ["0", "999", "12,431", "\u22123"]
    assert [words.short_count(n) for n in (9999, 10000, 12431, 1234567)] == ["9,999", "10k", "12.4k", "1,234.6k"]
    assert [words.signed(n) for n in (4, 0, -3)] == ["+4", "0", "\u22123"]


def test_percent_rounds_half_up_and_has_no_decimals() -> None:
    assert [words.percent(Decimal(x)) for x in ("0.445", "0.4449", "1", "0")] == ["45%", "44%", "100%", "0%"]


def test_money_shows_cents_only_up_to_a_hundred_dollars() -> None:
    assert [words.money(Decimal(x)) for x in ("99.5", "100", "100.50", "26700", "-12")] == [
        "$99.50",
        "$100.00",
        "$101",
        "$26,700",
        "\u2212$12.00",
    ]


def test_staff_see_short_days_with_the_year_only_when_it_is_another() -> None:
    assert words.day(NOW) == "Tue, Nov 24"
    assert words.day(date(2025, 11, 24)) == "Mon, Nov 24, 2025"
    assert words.moment(datetime(2026, 11, 25, 2, 30, tzinfo=UTC)) == "Tue, Nov 24, 9:30 pm"


def test_patients_see_long_days_in_their_language() -> None:
    two = datetime(2026, 11, 24, 19, 0, tzinfo=UTC)
    assert words.long_moment(two) == "Tuesday, November 24 at 2:00 pm"
    with translation.override("es"):
        assert words.long_moment(two) == "martes 24 de noviembre a las 2:00 p. m."
        assert words.long_moment(two - timedelta(hours=1)) == "martes 24 de noviembre a la 1:00 p. m."


@pytest.mark.parametrize(
    ("apart", "said"),
    [
        (timedelta(seconds=-30), "just now"),
        (timedelta(minutes=-12), "12 min ago"),
        (timedelta(hours=-3, minutes=-40), "3 h ago"),
        (timedelta(minutes=20), "in 20 min"),
        (timedelta(hours=-24), "Mon, Nov 23, 5:00 pm"),
        (timedelta(days=2), "Thu, Nov 26, 5:00 pm"),
    ],
)
def test_relative_only_within_a_day(apart: timedelta, said: str) -> None:
    assert words.ago(NOW + apart) == said


def test_naive_moment_is_refused() -> None:
    with pytest.raises(ValueError, match="naive"):
        words.moment(datetime(2026, 11, 24, 9, 0))  # noqa: DTZ001 -- what is refused


def test_durations() -> None:
    spans = [
        timedelta(seconds=20),
        timedelta(minutes=25),
        timedelta(minutes=100),
        timedelta(hours=2),
        timedelta(days=1, hours=3),
    ]
    assert [words.duration(span) for span in spans] == ["0 min", "25 min", "1 h 40 min", "2 h", "1 day 3 h"]


def test_phone_numbers() -> None:
    assert words.phone("+14155550134") == "(415) 555-0134"
    assert words.phone("+442079460958") == "+44 20 7946 0958"
    assert words.phone("front desk") == "front desk"


def test_initials() -> None:
    assert [words.initials(n) for n in ("Ruth Abara", "Inés", "Ana de la Cruz", "", "  ")] == [
        "RA",
        "I",
        "AC",
        "?",
        "?",
    ]


@given(st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 -- bounds
def test_every_moment_reads_in_both_languages(moment: datetime) -> None:
    for language in ("en", "es"):
        with translation.override(language), timezone.override("America/New_York"):
            assert words.moment(moment)
            assert words.long_moment(moment)


@given(st.text(max_size=30))
def test_any_text_has_initials_of_at_most_two_characters(name: str) -> None:
    assert 1 <= len(words.initials(name)) <= 4  # ß becomes SS in capitals
