"""Clinics: hours with several intervals, closed days, names that tell too much; making, changing, closing."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from accounts import changing, clinics
from accounts import hours as opening
from accounts.models import Clinic, SettingsChange
from prm import clock
from tests.factories.accounts import ClinicFactory, MembershipFactory

NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)
SPLIT = {"Mon": [["09:00", "12:00"], ["13:00", "17:00"]]}


def test_a_clinic_is_made_with_what_was_given(practice):
    lead = MembershipFactory()

    made = clinics.create(
        by=lead.user, now=NOW, name=" Harbor  East ", time_zone="Pacific", phone="415 555 0134", hours=SPLIT,
        holidays=["2026-12-25", "2026-11-26", "2026-12-25"], booking_url="https://book.example/harbor",
        recovery_lead=lead,
    )  # fmt: skip

    found = Clinic.objects.get(pk=made.pk)
    assert (found.name, found.time_zone, found.phone, found.hours, found.holidays, found.recovery_lead) == (
        "Harbor East", "America/Los_Angeles", "+14155550134", SPLIT, ["2026-11-26", "2026-12-25"], lead,
    )  # fmt: skip
    [made_at] = SettingsChange.objects.all()
    assert (made_at.subject, made_at.version, made_at.fields["name"]) == (made.pk, 1, [None, "Harbor East"])


def test_a_placeholder_has_a_name_once_somebody_gives_it_one(practice):
    clinic = ClinicFactory(name="LOC-7", named=False)

    clinics.change(clinic, by=None, now=NOW, version=1, phone="415 555 0134")
    assert not Clinic.objects.get(pk=clinic.pk).named
    clinics.change(clinic, by=None, now=NOW, version=2, name="Eastside")

    assert Clinic.objects.get(pk=clinic.pk).named


def test_an_edit_over_a_colleagues_is_told(practice):
    clinic = ClinicFactory()
    clinics.change(clinic, by=None, now=NOW, version=1, hours=SPLIT)

    with pytest.raises(changing.Stale):
        clinics.change(clinic, by=None, now=NOW, version=1, hours={"Tue": [["09:00", "10:00"]]})
    assert Clinic.objects.get(pk=clinic.pk).hours == SPLIT


def test_the_last_open_clinic_stays_open_and_closing_can_be_undone(practice):
    east, west = ClinicFactory(), ClinicFactory()

    clinics.close(east, by=None, now=NOW)
    east.refresh_from_db()
    with pytest.raises(ValidationError, match="only open clinic"):
        clinics.close(west, by=None, now=NOW)
    assert clinics.close(east, by=None, now=NOW + timedelta(days=1)).fields == {}
    clinics.reopen(east, by=None, now=NOW)

    assert set(Clinic.objects.values_list("closed_at", flat=True)) == {None}


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"named": True}, {"named"}),
        ({"name": ""}, {"name"}),
        ({"time_zone": "Mars", "phone": "1"}, {"time_zone", "phone"}),
        ({"booking_url": "http://book.example/"}, {"booking_url"}),
        ({"booking_url": "https://user:secret@book.example/"}, {"booking_url"}),
        ({"booking_url": "javascript:alert(1)"}, {"booking_url"}),
        ({"booking_url": "https://"}, {"booking_url"}),
        ({"holidays": ["12/25/2026"]}, {"holidays"}),
        ({"hours": {}}, {"hours"}),
    ],
)
def test_what_a_clinic_may_not_be_is_refused_by_field(practice, fields, wrong):
    with pytest.raises(ValidationError) as told:
        clinics.change(ClinicFactory(), by=None, now=NOW, version=1, **fields)
    assert set(told.value.message_dict) == wrong


def test_a_lead_who_left_is_refused(practice):
    with pytest.raises(ValidationError, match="does not work here"):
        clinics.change(
            ClinicFactory(), by=None, now=NOW, version=1, recovery_lead=MembershipFactory(ended_at=NOW)
        )  # fmt: skip


@pytest.mark.parametrize(
    ("given_hours", "told"),
    [
        ({"Mon": [["09:00", "12:00"], ["11:00", "17:00"]]}, "Monday: 09:00 to 12:00 and 11:00 to 17:00 overlap"),
        ({"Tue": [["22:00", "02:00"]]}, "Hours past midnight belong to the next day"),
        ({"Tue": [["09:00", "09:00"]]}, "ends before it begins"),
        ({"Wed": [["9 am", "17:00"]]}, "“9 am” is no time"),
        ({"Wed": [["09:00", "25:00"]]}, "“25:00” is no time"),
        ({"Wed": [["09:00"]]}, "a beginning and an end"),
        ({"Mo": [["09:00", "17:00"]]}, "“Mo” is no weekday"),
        ({"Mon": []}, "one day at least"),
        ({"Mon": [[f"{hour:02}:00", f"{hour:02}:30"] for hour in range(7)]}, "at most 6"),
    ],
)
def test_wrong_hours_are_told_by_day(given_hours, told):
    with pytest.raises(ValidationError, match=told):
        opening.check(given_hours)


def test_hours_are_put_in_order_and_midnight_is_the_end_of_the_day():
    given_hours = {"Mon": [["13:00", "00:00"], ["09:00", "12:00"]], "Sun": []}
    assert opening.check(given_hours) == {"Mon": [["09:00", "12:00"], ["13:00", "24:00"]]}


minutes = st.lists(st.integers(0, 24 * 4), min_size=2, max_size=8, unique=True).map(sorted)
week = st.dictionaries(st.sampled_from(clock.WEEKDAYS), minutes, min_size=1)


def as_hours(days):
    def text(quarter):
        return f"{quarter // 4:02}:{quarter % 4 * 15:02}"

    return {
        day: [[text(opens), text(closes)] for opens, closes in zip(points[::2], points[1::2], strict=False)]
        for day, points in days.items()
    }


ZONES = [ZoneInfo(name) for name in ("America/New_York", "America/Los_Angeles", "America/Phoenix", "Pacific/Honolulu")]
# Around both DST days of 2026 (8 March, 1 November) and Thanksgiving.
moments = st.sampled_from([(2026, 3, 6), (2026, 10, 30), (2026, 11, 24)]).flatmap(
    lambda day: st.integers(0, 4 * 86400).map(lambda s: datetime(*day, tzinfo=UTC) + timedelta(seconds=s))
)


@given(days=week, start=moments, zone=st.sampled_from(ZONES), wanted=st.integers(1, 3000), closed=st.booleans())
def test_business_time_lands_in_open_hours_and_counts_every_open_minute(days, start, zone, wanted, closed):
    hours = opening.check(as_hours(days))
    holidays = ["2026-11-26"] if closed else []
    clinic = Clinic(name="East", time_zone=zone.key, hours=hours, holidays=holidays)

    due = clinic.business_time(start, wanted)

    local = due.astimezone(zone)
    before = (due - timedelta(seconds=1)).astimezone(zone)
    assert before.date().isoformat() not in holidays
    assert any(
        opens <= f"{before:%H:%M}" < closes for opens, closes in hours.get(clock.WEEKDAYS[before.weekday()], [])
    ), (before, local)
    assert clinic.business_time(start, wanted + 1) > due
    assert open_seconds(start, due, hours, holidays, zone) == wanted * 60


def open_seconds(start, end, hours, holidays, zone):
    """Counted another way: the lengths of the pieces between all the moments at which anything opens or closes."""
    first = start.astimezone(zone).date() - timedelta(days=1)
    intervals = []
    for offset in range((end.astimezone(zone).date() - first).days + 2):
        day = first + timedelta(days=offset)
        if day.isoformat() in holidays:
            continue
        for opens, closes in hours.get(clock.WEEKDAYS[day.weekday()], []):
            intervals.append((wall(day, opens, zone), wall(day, closes, zone)))
    points = sorted({start, end, *(moment for interval in intervals for moment in interval)})
    return sum(
        (later - earlier).total_seconds()
        for earlier, later in pairwise(points)
        if start <= earlier
        and later <= end
        and any(opens <= earlier and later <= closes for opens, closes in intervals)
    )


def wall(day, text, zone):
    if text == "24:00":
        day, text = day + timedelta(days=1), "00:00"
    return clock.local_moment(day, datetime.strptime(text, "%H:%M").time(), zone)  # noqa: DTZ007  (a wall time)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Harbor Pelvic Health", ["pelvic"]),
        ("Women’s Health and Oncology Rehab", ["women's health", "oncology"]),
        ("Eastside", []),
        ("Back Bay", []),
        ("Handley Street", []),
    ],
)
def test_a_name_that_tells_a_diagnosis_is_noticed(name, words):
    assert clinics.tells_diagnosis(name) == words


def test_the_federal_holidays_of_a_year_are_offered():
    offered = clinics.federal_holidays(2026)
    assert (offered[date(2026, 11, 26)], offered[date(2026, 7, 3)]) == (
        "Thanksgiving Day", "Independence Day (observed)",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("week_of", "said"),
    [
        (clock.NINE_TO_FIVE, ["Mon–Fri 9 am–5 pm", "Sat–Sun closed"]),
        (SPLIT, ["Mon 9 am–12 pm, 1 pm–5 pm", "Tue–Sun closed"]),
        ({"Sat": [["00:00", "24:00"]]}, ["Mon–Fri closed", "Sat 12 am–midnight", "Sun closed"]),
        ({"Sun": [["08:30", "12:15"]]}, ["Mon–Sat closed", "Sun 8:30 am–12:15 pm"]),
    ],
)
def test_hours_read_as_on_the_door(week_of, said):
    assert opening.in_words(week_of) == said
