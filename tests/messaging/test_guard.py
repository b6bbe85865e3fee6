"""The guard: each step with its reason, in order; and quiet hours on the nasty days."""

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.models import OutboxMessage, SendPause, Suppression
from messaging.outbox import guard, outcomes, quiet
from patients import consent
from tests.factories.accounts import ClinicFactory, MembershipFactory
from tests.messaging.conftest import NOON, consenting, make_version

EAST, WEST, HONOLULU = ZoneInfo("America/New_York"), ZoneInfo("America/Los_Angeles"), ZoneInfo("Pacific/Honolulu")
ZONES = [EAST, WEST, HONOLULU, ZoneInfo("America/Phoenix"), ZoneInfo("America/Chicago"), ZoneInfo("America/Anchorage")]


def message(patient, **changes):
    return OutboxMessage(
        **{
            "patient": patient, "channel": "email", "klass": "care", "purpose": "treatment", "topic": "surveys",
            "dedupe_key": "k", "created_at": NOON, "not_before": NOON, "expires_at": NOON + timedelta(days=3),
            **changes,
        }
    )  # fmt: skip


def verdict(one, at=NOON):
    found = guard.decide([one], at)[one.pk]
    return found.step, found.outcome, found.reason


def expired(practice):
    return message(consenting(), expires_at=NOON)


def deceased(practice):
    return message(consenting(deceased_at=NOON))


def merged_twice(practice):
    last = consenting()
    middle = consenting(merged_into=last)
    return message(consenting(merged_into=middle))


def a_test_patient(practice):
    return message(consenting(test_name=True))


def paused_practice(practice):
    SendPause.objects.create(why="manual", until=NOON + timedelta(hours=1))
    return message(consenting())


def without_address(practice):
    return message(consenting(email="not an address"))


def suppressed(practice):
    patient = consenting()
    Suppression.objects.create(channel="email", address=patient.email.lower(), kind="complaint")
    return message(patient)


def topic_turned_off(practice):
    patient = consenting()
    consent.state(patient, "email", "care", granted=False, how="patient", now=NOON, topic="surveys")
    return message(patient)


def without_consent_to_marketing(practice):
    return message(consenting(), purpose="own_health_service", klass="marketing")


def paid_for_by_others(practice):
    return message(consenting(), purpose="authorised_marketing", klass="marketing")


def marketing_without_unsubscribe(practice):
    patient = consenting()
    consent.state(patient, "email", "marketing", granted=True, how="patient", now=NOON)
    return message(patient, purpose="own_health_service", klass="marketing", template_version=make_version())


def text_at_night(practice):
    return message(consenting(time_zone="Pacific/Honolulu", phone="+18085551234"), channel="sms")  # 7 in the morning


def text_that_would_come_too_late(practice):
    one = text_at_night(practice)
    one.expires_at = NOON + timedelta(minutes=30)
    return one


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        (expired, (1, "drop", "expired")),
        (deceased, (2, "drop", "patient_inactive")),
        (merged_twice, (2, "drop", "patient_inactive")),
        (a_test_patient, (2, "drop", "patient_inactive")),
        (paused_practice, (3, "defer", "paused")),
        (without_address, (4, "drop", "no_address")),
        (suppressed, (5, "drop", "suppressed")),
        (topic_turned_off, (6, "drop", "no_consent")),
        (without_consent_to_marketing, (6, "drop", "no_consent")),
        (paid_for_by_others, (6, "drop", "no_authorisation")),
        (marketing_without_unsubscribe, (7, "hold", "content")),
        (text_at_night, (8, "defer", "quiet_hours")),
        (text_that_would_come_too_late, (8, "drop", "quiet_hours")),
        (lambda practice: message(consenting()), (10, "send", "")),
    ],
)
def test_each_step_stops_with_its_reason(practice, case, expected):
    assert verdict(case(practice)) == expected


def test_the_first_step_that_stops_wins(practice):
    SendPause.objects.create(why="manual")
    patient = consenting(email="", deceased_at=NOON)

    assert verdict(message(patient)) == (2, "drop", "patient_inactive")


def test_a_merge_is_followed_once(practice):
    survivor = consenting()
    one = message(consenting(merged_into=survivor))

    assert verdict(one) == (10, "send", "")
    assert (one.patient, one.address) == (survivor, survivor.email)


def test_consent_is_not_asked_for_a_link_that_the_patient_wants(practice):
    patient = consenting()
    consent.state(patient, "email", "care", granted=False, how="patient", now=NOON)

    kinds = {klass: verdict(message(patient, klass=klass))[2] for klass in ("security", "direct", "care")}
    assert kinds == {"security": "", "direct": "", "care": "no_consent"}


def test_a_person_of_staff_needs_no_consent(practice):
    member = MembershipFactory()
    one = message(None, member=member, klass="direct")

    assert (verdict(one), one.address) == ((10, "send", ""), member.user.email)


def test_a_suppression_that_has_ended_or_was_lifted_stops_nobody(practice):
    patient = consenting()
    Suppression.objects.create(channel="email", address=patient.email, kind="soft_bounce", until=NOON)
    Suppression.objects.create(channel="email", address=patient.email, kind="manual", lifted_at=NOON)

    assert verdict(message(patient)) == (10, "send", "")


def test_upper_apps_stop_what_has_lost_its_occasion_and_what_is_too_much(practice, monkeypatch):
    monkeypatch.setattr(guard, "_checks", {})
    void, tired, free = (message(consenting(), dedupe_key=name) for name in ("void", "tired", "free"))
    until = NOON + timedelta(days=1)
    guard.register("visits", step=1, check=lambda batch, at: {m.pk: guard.stale() for m in batch if m.pk == void.pk})
    later = guard.defer("fatigue", until)
    guard.register("fatigue", step=9, check=lambda batch, at: {m.pk: later for m in batch if m.pk == tired.pk})

    found = guard.decide([void, tired, free], NOON)
    for one in (void, tired, free):
        guard.apply(one, found[one.pk], at=NOON)

    assert [(one.state, one.reason, one.not_before) for one in (void, tired, free)] == [
        ("cancelled", "stale", NOON), ("queued", "fatigue", until), ("queued", "", NOON),
    ]  # fmt: skip
    with pytest.raises(ValueError, match="step 5"):
        guard.register("other", step=5, check=lambda batch, at: {})


def test_a_batch_costs_the_same_as_one(practice, django_assert_num_queries):
    batch = [message(consenting(home_clinic=ClinicFactory()), dedupe_key=str(n)) for n in range(30)]

    with django_assert_num_queries(6):
        guard.decide(batch, NOON)


def wall(zone, *parts):
    return datetime(*parts, tzinfo=zone)


@pytest.mark.parametrize(
    ("now", "zone", "area", "expected"),
    [
        (wall(EAST, 2026, 11, 24, 8), EAST, [], wall(EAST, 2026, 11, 24, 8)),
        (wall(EAST, 2026, 11, 24, 7, 59), EAST, [], wall(EAST, 2026, 11, 24, 8)),
        (wall(EAST, 2026, 11, 24, 19, 59, 59), EAST, [], wall(EAST, 2026, 11, 24, 19, 59, 59)),
        (wall(EAST, 2026, 11, 24, 20), EAST, [], wall(EAST, 2026, 11, 25, 8)),
        (wall(EAST, 2026, 11, 24, 9), EAST, [WEST], wall(WEST, 2026, 11, 24, 8)),
        (wall(EAST, 2026, 11, 24, 9), None, [WEST], wall(WEST, 2026, 11, 24, 8)),
        (wall(EAST, 2026, 11, 24, 9), None, [], wall(WEST, 2026, 11, 24, 8)),
        (wall(EAST, 2027, 3, 13, 21), EAST, [], wall(EAST, 2027, 3, 14, 8)),  # the night of 23 hours
        (wall(EAST, 2026, 10, 31, 21), EAST, [], wall(EAST, 2026, 11, 1, 8)),  # the night of 25 hours
        (wall(HONOLULU, 2026, 11, 24, 15), HONOLULU, [EAST], wall(HONOLULU, 2026, 11, 25, 8)),
    ],
)
def test_texts_arrive_by_day_in_every_zone(now, zone, area, expected):
    assert quiet.next_allowed(now, zone, area) == expected


moments = st.integers(0, 2 * 365 * 86400).map(
    lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)


@given(now=moments, zones=st.lists(st.sampled_from(ZONES), min_size=1, max_size=3))
def test_the_next_moment_is_open_everywhere_and_the_first_such(now, zones):
    found = quiet.next_allowed(now, zones[0], zones[1:])

    def is_open(moment):
        return all(time(8) <= moment.astimezone(zone).time() < time(20) for zone in zones)

    assert found >= now
    assert is_open(found)
    assert found == now or not is_open(now)
    if found > now:  # nothing earlier was open: the window opens at this very minute somewhere
        assert not is_open(found - timedelta(seconds=1))


@given(now=moments, later=st.timedeltas(timedelta(0), timedelta(days=2)), zone=st.sampled_from(ZONES))
def test_waiting_never_makes_it_earlier_and_asking_again_changes_nothing(now, later, zone):
    first, second = (quiet.next_allowed(moment, zone, []) for moment in (now, now + later))

    assert first <= second
    assert quiet.next_allowed(first, zone, []) == first


def test_zones_half_a_day_apart_end_with_the_patients_own():
    found = quiet.next_allowed(wall(EAST, 2026, 11, 24, 22), EAST, [ZoneInfo("Asia/Bangkok")])

    assert found.astimezone(EAST).time() == time(8)


def test_a_naive_moment_is_refused():
    with pytest.raises(ValueError, match="no time zone"):
        quiet.next_allowed(datetime(2026, 1, 1), EAST, [])  # noqa: DTZ001  (what is refused)


def test_the_area_of_a_number_tells_its_zones():
    assert quiet.area_zones("+12125551234") == [EAST]
    assert quiet.area_zones("nonsense") == []


def test_retry_times_have_room_for_eight_tries():
    longest = [min(outcomes.FIRST_WAIT * 2**n, outcomes.LONGEST_WAIT) for n in range(8)]

    assert all(earlier <= later for earlier, later in pairwise(longest))
    for attempt, most in enumerate(longest, start=1):
        assert all(NOON <= outcomes.next_try(attempt, NOON) <= NOON + most for _ in range(20))
