"""The period of a report: four instants, in the practice's zone, over the nights when the clocks change."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prm.ui.period import CHOICES, BadParameter, add_months, resolve

NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime(2026, 11, 24, 16, tzinfo=UTC)


def days(**params: str) -> tuple:
    """First day, first day after, and the same of the comparison."""
    found = resolve({key.rstrip("_"): value for key, value in params.items()}, NOW, NEW_YORK)
    return found.first, found.beyond, found.before_first, found.before_beyond


@pytest.mark.parametrize(("params", "expected"), [
    ({}, (date(2026, 10, 1), date(2026, 11, 1), date(2026, 9, 1), date(2026, 10, 1))),
    ({"compare": "year"}, (date(2026, 10, 1), date(2026, 11, 1), date(2025, 10, 1), date(2025, 11, 1))),
    ({"compare": "none"}, (date(2026, 10, 1), date(2026, 11, 1), None, None)),
    ({"period": "last_3"}, (date(2026, 8, 1), date(2026, 11, 1), date(2026, 5, 1), date(2026, 8, 1))),
    ({"period": "last_12"}, (date(2025, 11, 1), date(2026, 11, 1), date(2024, 11, 1), date(2025, 11, 1))),
    ({"period": "quarter"}, (date(2026, 10, 1), date(2026, 11, 25), None, None)),
    ({"period": "year"}, (date(2026, 1, 1), date(2026, 11, 25), None, None)),
    ({"from_": "2026-02-01", "through": "2026-04-30"},
     (date(2026, 2, 1), date(2026, 5, 1), date(2025, 11, 1), date(2026, 2, 1))),
    ({"from_": "2026-03-05", "through": "2026-03-14"},
     (date(2026, 3, 5), date(2026, 3, 15), date(2026, 2, 23), date(2026, 3, 5))),
    ({"from_": "2024-02-29", "through": "2024-02-29", "compare": "year"},
     (date(2024, 2, 29), date(2024, 3, 1), date(2023, 2, 28), date(2023, 3, 1))),
])  # fmt: skip
def test_each_choice_has_its_days(params, expected):
    assert days(**params) == expected


def test_the_instants_are_midnights_of_the_practice_over_the_change_of_clocks():
    found = resolve({"from": "2026-11-01", "through": "2026-11-01"}, NOW, NEW_YORK)

    assert found.start.astimezone(UTC) == datetime(2026, 11, 1, 4, tzinfo=UTC)
    assert found.end.astimezone(UTC) == datetime(2026, 11, 2, 5, tzinfo=UTC)  # that day has 25 hours


def test_the_last_full_month_is_the_practice_s_not_utc_s():
    at = datetime(2026, 11, 1, 3, tzinfo=UTC)  # still October 31 in New York

    assert resolve({}, at, NEW_YORK).first == date(2026, 9, 1)


def test_a_period_with_today_in_it_is_not_complete_and_not_compared():
    found = resolve({"from": "2026-11-01", "through": "2026-11-24"}, NOW, NEW_YORK)

    assert (found.complete, found.before, found.compare) == (False, None, "none")


@pytest.mark.parametrize(("params", "name"), [
    ({"period": "decade"}, "period"),
    ({"compare": "cake"}, "compare"),
    ({"period": "custom"}, "from"),
    ({"from": "2026-02-30", "through": "2026-03-01"}, "from"),
    ({"from": "20260201", "through": "2026-03-01"}, "from"),
    ({"from": "2026-02-01"}, "through"),
    ({"from": "2026-02-02", "through": "2026-02-01"}, "through"),
    ({"from": "2020-01-01", "through": "2023-01-01"}, "through"),
    ({"from": "2026-11-25", "through": "2026-11-26"}, "from"),
    ({"from": "0001-01-01", "through": "0001-01-02"}, "from"),
    ({"from": "'; DROP", "through": "x"}, "from"),
])  # fmt: skip
def test_a_bad_value_is_refused_with_its_name(params, name):
    with pytest.raises(BadParameter) as refused:
        resolve(params, NOW, NEW_YORK)

    assert refused.value.name == name
    assert str(refused.value).startswith(f"{name}: ")


@given(
    days=st.integers(0, 32_000), minutes=st.integers(0, 1439), choice=st.sampled_from(sorted(set(CHOICES) - {"custom"}))
)
def test_the_comparison_ends_where_the_period_starts_and_is_as_long_in_months(days, minutes, choice):
    at = datetime(2001, 1, 1, tzinfo=UTC) + timedelta(days=days, minutes=minutes)
    found = resolve({"period": choice}, at, NEW_YORK)

    assert found.start < found.end
    assert found.months()[0] <= found.first < found.beyond
    if found.complete:
        assert found.before_beyond == found.first
        assert len(found.months()) * 2 == len(found.months()) + _months(found.before_first, found.before_beyond)


def _months(first: date, beyond: date) -> int:
    return (beyond.year - first.year) * 12 + beyond.month - first.month


@given(day=st.dates(date(1990, 1, 1), date(2090, 1, 1)), months=st.integers(-40, 40))
def test_adding_months_keeps_the_day_or_ends_the_month(day, months):
    found = add_months(day, months)

    assert found.day == day.day or (found + timedelta(days=1)).day == 1
    assert (found.year * 12 + found.month) - (day.year * 12 + day.month) == months


@pytest.mark.parametrize(("params", "words"), [
    ({}, "October 2026"), ({"period": "last_3"}, "Aug 1 to Oct 31, 2026"),
    ({"period": "last_12"}, "Nov 1, 2025 to Oct 31, 2026"),
    ({"from": "2026-03-05", "through": "2026-03-05"}, "Mar 5, 2026"),
])  # fmt: skip
def test_the_period_in_words(params, words):
    assert resolve(params, NOW, NEW_YORK).words == words
