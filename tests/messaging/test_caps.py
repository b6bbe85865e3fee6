"""Caps and the practice's own hours: how many messages reach one patient, and when (guard steps 8 and 9)."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Practice
from messaging.models import OutboxMessage
from messaging.outbox import caps, claim, guard, queue, quiet
from patients import consent
from tests.messaging.conftest import NOON, consenting, make_version
from tests.messaging.test_guard import EAST, HONOLULU, ZONES, message, moments, verdict

TODAY = date(2026, 11, 24)
DAY = timedelta(days=1)


def days(*offsets):
    return [TODAY + offset * DAY for offset in offsets]


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ([caps.Limit(1, 3)], 0),
        ([caps.Limit(1, 3, days(0))], 1),
        ([caps.Limit(2, 3, days(0))], 0),
        ([caps.Limit(1, 3, days(0, 1))], 2),
        ([caps.Limit(1, 3, days(-1, -2, -3))], 4),  # the oldest leaves the seven days
        ([caps.Limit(1, 3, days(-6, -2, -3))], 1),
        ([caps.Limit(1, 3, days(-7, -2, -3))], 0),
        ([caps.Limit(1, 3, days(-1)), caps.Limit(1, 1, days(-3))], 4),
    ],
)
def test_the_first_day_with_room(limits, expected):
    assert caps.first_day_with_room(TODAY, limits) == TODAY + expected * DAY


@given(
    taken=st.lists(st.integers(-10, 10).map(lambda n: TODAY + n * DAY), max_size=12), day=st.integers(1, 3),
    week=st.integers(3, 7),
)  # fmt: skip
def test_the_day_found_has_room_and_none_before_it_has(taken, day, week):
    found = caps.first_day_with_room(TODAY, [caps.Limit(day, week, taken)])

    def room(on):
        seven = [on - n * DAY for n in range(7)]
        return taken.count(on) < day and sum(taken.count(one) for one in seven) < week

    assert room(found)
    assert not any(room(TODAY + n * DAY) for n in range((found - TODAY).days))


def sent(patient, at, **changes):
    one = message(
        patient, dedupe_key=f"sent {patient.pk} {at}", state="sent", state_at=at, address=patient.email, **changes
    )
    one.save()
    return one


def allow_marketing(patient):
    consent.state(patient, "email", "marketing", granted=True, how="patient", now=NOON - 30 * DAY)
    return patient


def test_a_second_message_of_a_day_leaves_on_the_next_at_the_same_hour(practice):
    patient = consenting()
    sent(patient, NOON - timedelta(hours=3))
    one = message(patient)

    found = guard.decide([one], NOON)[one.pk]

    assert (found.step, found.outcome, found.reason, found.until) == (9, "defer", "cap", NOON + DAY)
    assert dict(found.facts) == {"day": 1, "week": 3}


def test_a_text_waits_for_the_opening_of_the_first_day_with_room(practice):
    patient = consenting(phone="+12125551234")
    for days_ago in (0, 1, 2):
        sent(patient, NOON - days_ago * DAY, channel="sms")
    one = message(patient, channel="sms", expires_at=NOON + 9 * DAY)

    assert guard.decide([one], NOON)[one.pk].until == datetime(2026, 11, 29, 8, tzinfo=EAST)


def test_a_day_is_the_patients_own(practice):
    late = datetime(2026, 11, 24, 3, tzinfo=UTC)  # the 23rd in New York and in Honolulu
    noon_there = datetime(2026, 11, 24, 8, tzinfo=UTC)  # the 24th in New York, still the 23rd in Honolulu
    found = {}
    for zone in ("America/New_York", "Pacific/Honolulu"):
        patient = consenting(time_zone=zone)
        sent(patient, late)
        one = message(patient, not_before=noon_there)
        found[zone] = guard.decide([one], noon_there)[one.pk].reason
    assert found == {"America/New_York": "", "Pacific/Honolulu": "cap"}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"klass": "security"}, ""),
        ({"klass": "direct"}, ""),
        ({"channel": "sms"}, ""),  # each channel has its own
        ({"expires_at": NOON + timedelta(hours=20)}, "cap"),
    ],
)
def test_what_is_not_held_back(practice, changes, reason):
    patient = consenting(phone="+12125551234")
    sent(patient, NOON - timedelta(hours=3))

    assert verdict(message(patient, **changes))[2] == reason


def test_a_deferral_past_the_end_is_a_drop(practice):
    patient = consenting()
    sent(patient, NOON - timedelta(hours=3))
    assert verdict(message(patient, expires_at=NOON + timedelta(hours=20))) == (9, "drop", "cap")


@pytest.mark.parametrize(
    ("left", "reason"),
    [
        ({"klass": "direct"}, ""), ({"klass": "security"}, ""), ({"state": "failed", "reason": "x"}, ""),
        ({"state": "cancelled", "reason": "x"}, ""), ({"state": "unknown"}, "cap"), ({"klass": "marketing"}, "cap"),
    ],
)  # fmt: skip
def test_what_counts_has_left_or_may_have(practice, left, reason):
    patient = consenting()
    one = message(patient, dedupe_key="earlier", state_at=NOON - timedelta(hours=3), **{"state": "sent", **left})
    one.save()

    assert verdict(message(patient))[2] == reason


def test_two_patients_of_one_number_share_the_cap(practice):
    mother, child = consenting(phone="+12125551234"), consenting(phone="+12125551234")
    message(
        mother, channel="sms", state="sent", state_at=NOON - timedelta(hours=1), address=mother.phone, dedupe_key="a"
    ).save()  # fmt: skip

    assert verdict(message(child, channel="sms"))[2] == "cap"


def test_one_offer_a_week_whatever_the_practice_allows(practice):
    Practice.objects.filter(pk=practice.pk).update(cap_day=3, cap_week=7)
    patient = allow_marketing(consenting())
    version = make_version()
    version.fields.append("links.unsubscribe")
    version.save()
    offer = {"klass": "marketing", "purpose": "own_health_service", "template_version": version}
    sent(patient, NOON - 3 * DAY, **offer)
    one = message(patient, **{**offer, "expires_at": NOON + 7 * DAY})

    assert guard.decide([one], NOON)[one.pk].until == NOON + 4 * DAY
    assert verdict(message(patient))[2] == ""


def drafts(practice, patient, count):
    version = make_version()
    what = {
        "channel": "email",
        "purpose": "treatment",
        "topic": "surveys",
        "klass": "care",
        "template_version": version,
    }
    return [
        queue.Draft(
            patient=patient, dedupe_key=f"d{n}", expires_at=NOON + 20 * DAY,
            context={"links.survey": "https://example.com/s"}, **what,
        )
        for n in range(count)
    ]  # fmt: skip


def test_messages_of_one_batch_are_planned_apart(practice):
    rows = queue.enqueue_many(practice, drafts(practice, consenting(), 4), now=NOON)

    assert [row.not_before for row in rows] == [NOON, NOON + DAY, NOON + 2 * DAY, NOON + 7 * DAY]
    assert {row.state for row in rows} == {"queued"}


def test_a_claim_counts_what_left_and_does_not_wait_for_what_is_queued(practice):
    patient = consenting()
    for row in queue.enqueue_many(practice, drafts(practice, patient, 2), now=NOON):
        OutboxMessage.objects.filter(pk=row.pk).update(not_before=NOON)

    first = claim.claim("email", at=NOON, limit=50, lease=timedelta(minutes=2))
    OutboxMessage.objects.filter(claim=first.id).update(state="sent", claim=None, lease_until=None)
    second = claim.claim("email", at=NOON + timedelta(minutes=1), limit=50, lease=timedelta(minutes=2))

    assert [len(first.rows), len(second.rows)] == [1, 0]
    assert set(OutboxMessage.objects.values_list("state", "reason")) == {("sent", ""), ("queued", "cap")}


def test_a_message_is_judged_at_the_time_for_which_it_is_planned(practice):
    tomorrow = NOON + DAY
    patient = consenting()
    sent(patient, NOON - timedelta(hours=3))
    planned = message(patient, not_before=tomorrow)
    at_night = message(consenting(phone="+12125551234"), channel="sms", not_before=NOON + timedelta(hours=12))

    found = guard.decide([planned, at_night], NOON)
    for one in (planned, at_night):
        guard.apply(one, found[one.pk], at=NOON)

    assert (planned.reason, planned.not_before) == ("", tomorrow)
    assert (at_night.reason, at_night.not_before) == ("quiet_hours", datetime(2026, 11, 25, 8, tzinfo=EAST))


def test_a_pause_never_brings_a_message_forward(practice):
    one = message(consenting(), not_before=NOON + DAY)
    guard.apply(one, guard.Verdict(3, "defer", "paused", until=NOON + timedelta(minutes=15)), at=NOON)
    assert one.not_before == NOON + DAY


@pytest.mark.parametrize(
    ("window", "klass", "channel", "expected"),
    [
        ({"texts_open": time(10)}, "care", "sms", None),
        ({"texts_open": time(13)}, "care", "sms", (13, 24)),
        ({"texts_open": time(13)}, "direct", "sms", (13, 24)),
        ({"texts_open": time(13)}, "security", "sms", None),
        ({"texts_close": time(12)}, "care", "sms", (8, 25)),
        ({"emails_open": time(13), "emails_close": time(20)}, "care", "email", (13, 24)),
        ({"emails_open": time(13), "emails_close": time(20)}, "direct", "email", None),
        ({"emails_open": time(13), "emails_close": time(20)}, "security", "email", None),
        ({"emails_open": time(9), "emails_close": time(20)}, "care", "email", None),
    ],
)
def test_the_practices_own_hours(practice, window, klass, channel, expected):
    Practice.objects.filter(pk=practice.pk).update(**window)
    one = message(consenting(phone="+12125551234"), klass=klass, channel=channel)

    found = guard.decide([one], NOON)[one.pk]

    until = datetime(2026, 11, expected[1], expected[0], tzinfo=EAST) if expected else None
    assert (found.until, found.step) == (until, 8 if expected else 10)


windows = st.tuples(st.integers(8, 19), st.integers(9, 20)).filter(lambda ends: ends[0] < ends[1])


@given(now=moments, zones=st.lists(st.sampled_from(ZONES), min_size=1, max_size=3), window=windows)
def test_a_narrower_window_never_leaves_the_laws(now, zones, window):
    opens, closes = (time(hour) for hour in window)
    found = quiet.next_allowed(now, zones[0], zones[1:], opens=opens, closes=closes)

    def is_open(moment, first, last):
        return all(first <= moment.astimezone(zone).time() < last for zone in zones)

    assert found >= now
    assert is_open(found, time(8), time(20))
    meets = any(is_open(now + timedelta(minutes=30 * n), opens, closes) for n in range(3 * 48))
    if meets:
        assert is_open(found, opens, closes)


def test_windows_that_never_meet_fall_back_to_the_laws():
    now = datetime(2026, 11, 24, 9, tzinfo=EAST)
    found = quiet.next_allowed(now, EAST, [HONOLULU], opens=time(8), closes=time(9))
    assert (found.astimezone(EAST).hour, found.astimezone(HONOLULU).hour) == (13, 8)
