"""A clinic's opening hours: weekday to intervals, as `prm.clock.add_business_time` counts them."""

import re
from collections.abc import Mapping, Sequence
from datetime import time
from itertools import groupby, pairwise

from django.core.exceptions import ValidationError

from prm import clock

INTERVALS_A_DAY = 6
DAYS = dict(
    zip(clock.WEEKDAYS, ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"), strict=True)
)


def check(hours: Mapping[str, Sequence[Sequence[str]]]) -> dict[str, list[list[str]]]:
    """Opening hours in order: weekday (`Mon`) to intervals such as ["09:00", "12:00"]; “24:00” is midnight at the end.

    ValidationError names the first day and what is wrong there: no weekday, a time that is none, an end that is not
    later than its beginning, intervals that overlap. A day without intervals is left out; hours of no day are refused.
    """
    made: dict[str, list[list[str]]] = {}
    if unknown := set(hours) - set(DAYS):
        raise ValidationError(f"“{sorted(unknown)[0]}” is no weekday (expected {', '.join(DAYS)}).")
    for day in DAYS:
        intervals = sorted([_interval(day, interval) for interval in hours.get(day, ())])
        if len(intervals) > INTERVALS_A_DAY:
            raise ValidationError(
                f"{DAYS[day]} has {len(intervals)} intervals; at most {INTERVALS_A_DAY} are possible."
            )
        for (opens, closes), (next_opens, next_closes) in pairwise(intervals):
            if next_opens < closes:
                raise ValidationError(
                    f"{DAYS[day]}: {opens} to {closes} and {next_opens} to {next_closes} overlap. Make them one, or "
                    "leave a gap."
                )
        if intervals:
            made[day] = [list(interval) for interval in intervals]
    if not made:
        raise ValidationError("Enter the hours of one day at least.")
    return made


def _interval(day: str, interval: Sequence[str]) -> tuple[str, str]:
    if len(interval) != 2:
        raise ValidationError(f"{DAYS[day]}: give a beginning and an end.")
    times = []
    for text in interval:
        if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d|24:00", str(text)):
            raise ValidationError(f"{DAYS[day]}: “{text}” is no time of the day (expected 00:00 to 24:00).")
        times.append(str(text))
    opens, closes = times
    if closes == "00:00":
        closes = "24:00"  # a clinic that closes at midnight
    if opens >= closes:
        raise ValidationError(
            f"{DAYS[day]}: {opens} to {closes} ends before it begins. Hours past midnight belong to the next day."
        )
    return opens, closes


def in_words(hours: Mapping[str, Sequence[Sequence[str]]]) -> list[str]:
    """The week as a sign on the door says it, days with equal hours together: “Mon–Fri 9 am–12 pm, 1 pm–5 pm”."""
    week = [(day, tuple(tuple(one) for one in hours.get(day, ()))) for day in DAYS]
    lines = []
    for intervals, days in groupby(week, key=lambda one: one[1]):
        names = [day for day, _intervals in days]
        span = names[0] if len(names) == 1 else f"{names[0]}–{names[-1]}"
        said = ", ".join(f"{_say(opens)}–{_say(closes)}" for opens, closes in intervals)
        lines.append(f"{span} {said or 'closed'}")
    return lines


def _say(text: str) -> str:
    """“9 am”, “12:30 pm”; midnight at the end of a day is “midnight”."""
    if text == "24:00":
        return "midnight"
    at = time.fromisoformat(text)
    minutes = f":{at:%M}" if at.minute else ""
    return f"{at.hour % 12 or 12}{minutes} {'am' if at.hour < 12 else 'pm'}"
