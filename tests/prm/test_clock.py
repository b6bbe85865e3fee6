"""Business time: examples of the pages, and what must hold for any hours, over both DST nights."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prm import clock

NEW_YORK = ZoneInfo("America/New_York")
ZONES = [ZoneInfo(name) for name in ("America/New_York", "America/Phoenix", "America/Los_Angeles", "Pacific/Honolulu")]
SPLIT_DAYS = {day: [["08:00", "12:00"], ["13:00", "17:00"]] for day in clock.WEEKDAYS[:5]}


def new_york(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=NEW_YORK)


def test_friday_half_past_four_plus_four_hours_over_a_holiday_monday_is_tuesday_half_past_eleven():
    due = clock.add_business_time(new_york(2026, 9, 4, 16, 30), 240, SPLIT_DAYS, {"2026-09-07"}, NEW_YORK)
    assert due == new_york(2026, 9, 8, 11, 30)


def test_sixteen_clinic_hours_from_a_saturday_evening_before_the_clocks_go_back():
    due = clock.add_business_time(new_york(2026, 10, 31, 17), 16 * 60, clock.NINE_TO_FIVE, (), NEW_YORK)
    assert due == new_york(2026, 11, 3, 17)


def test_due_on_a_closing_is_the_closing_and_received_at_closing_counts_from_the_next_opening():
    hours = clock.NINE_TO_FIVE
    assert clock.add_business_time(new_york(2026, 11, 24, 16), 60, hours, (), NEW_YORK) == new_york(2026, 11, 24, 17)
    assert clock.add_business_time(new_york(2026, 11, 24, 17), 60, hours, (), NEW_YORK) == new_york(2026, 11, 25, 10)


def test_a_night_shift_over_the_spring_gap_counts_elapsed_minutes():
    hours = {"Sun": [["00:00", "06:00"]]}  # 2026-03-08: five real hours
    due = clock.add_business_time(new_york(2026, 3, 8, 0), 300, hours, (), NEW_YORK)
    assert due == new_york(2026, 3, 8, 6)


@pytest.mark.parametrize(
    ("start", "minutes", "hours", "words"),
    [
        (datetime(2026, 1, 5, 9), 10, clock.NINE_TO_FIVE, "no time zone"),  # noqa: DTZ001  (a naive start is the point)
        (new_york(2026, 1, 5, 9), -1, clock.NINE_TO_FIVE, "minutes -1"),
        (new_york(2026, 1, 5, 9), 10, {}, "no opening time"),
    ],
)
def test_bad_input_names_what_is_wrong(start, minutes, hours, words):
    with pytest.raises(ValueError, match=words):
        clock.add_business_time(start, minutes, hours, (), NEW_YORK)


intervals = st.lists(st.integers(0, 24 * 12).map(lambda five: five * 5), min_size=2, max_size=4, unique=True).map(
    sorted
)


def as_hours(marks: list[int]) -> list[list[str]]:
    text = [f"{m // 60:02d}:{m % 60:02d}" for m in marks]
    return [[text[i], text[i + 1]] for i in range(0, len(text) - 1, 2)]


hours_of_weeks = st.dictionaries(st.sampled_from(clock.WEEKDAYS), intervals.map(as_hours), min_size=1)
moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001  (bounds)


def open_minutes(start: datetime, end: datetime, hours: clock.Hours, zone: ZoneInfo) -> int:
    """Minute by minute, the slow way: how many minutes of [start, end) lie in opening hours."""
    count, moment = 0, start
    while moment < end:
        wall = moment.astimezone(zone)
        minute = f"{wall.hour:02d}:{wall.minute:02d}"
        count += any(a <= minute < b for a, b in hours.get(clock.WEEKDAYS[wall.weekday()], ()))
        moment += timedelta(minutes=1)
    return count


@given(
    start=moments,
    minutes=st.integers(0, 600),
    more=st.integers(1, 600),
    hours=hours_of_weeks,
    zone=st.sampled_from(ZONES),
)
def test_more_minutes_are_never_due_earlier(start, minutes, more, hours, zone):
    due = clock.add_business_time(start, minutes, hours, (), zone)
    assert start <= due < clock.add_business_time(start, minutes + more, hours, (), zone)


@given(
    minutes=st.integers(1, 500), zone=st.sampled_from(ZONES), start_minute=st.integers(0, 1439),
    night=st.sampled_from([date(2026, 3, 8), date(2026, 11, 1), date(2027, 3, 14), date(2027, 11, 7)]),
)  # fmt: skip
def test_the_minutes_between_start_and_due_are_exactly_the_open_ones(minutes, zone, start_minute, night):
    hours = {name: [["00:30", "03:30"], ["08:00", "12:00"]] for name in clock.WEEKDAYS}
    start = clock.local_moment(night - timedelta(days=1), time(start_minute // 60, start_minute % 60), zone)
    due = clock.add_business_time(start, minutes, hours, (), zone)
    assert open_minutes(start, due, hours, zone) == minutes
