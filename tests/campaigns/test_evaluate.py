"""Exactly once, whatever is restarted, doubled or late; never another practice; never by reading all episodes."""

import threading
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, connections

from campaigns import evaluate, lifecycle, preview, tasks, triggers
from campaigns.models import EvaluationState, Firing, Journey, Rule, RuleClock, StepResult
from messaging.models import OutboxMessage
from patients.models import Episode
from prm import clock
from prm.tenancy import platform, use_practice
from tests.campaigns.conftest import after, rule_document
from tests.factories.accounts import ClinicFactory, MembershipFactory, PracticeFactory
from tests.factories.patients import EpisodeFactory, PatientFactory

pytestmark = pytest.mark.django_db(transaction=True)

TURNED_ON = datetime(2026, 11, 2, 12, tzinfo=UTC)
DISCHARGED = datetime(2026, 11, 9, 20, tzinfo=UTC)
DUE = datetime(2026, 11, 23, 15, tzinfo=UTC)  # two weeks later, 10:00 in New York
MINUTE = timedelta(minutes=1)


def running(practice, *, at=TURNED_ON, backlog_days=0, **changes):
    """A rule that is on."""
    with use_practice(practice.pk):
        by = MembershipFactory()
        rule = lifecycle.create(rule_document(**changes), by=by, now=at)
        return lifecycle.activate(rule, by=by, now=at, backlog_days=backlog_days)


def discharge(practice, at=DISCHARGED, **fields):
    with use_practice(practice.pk):
        return EpisodeFactory(status="discharged", discharged_at=at, discharge_seq=1, **fields)


def tick(practice, at):
    with use_practice(practice.pk):
        return evaluate.tick(at=at)


def left(practice):
    """(decisions, journeys, step results, outbox rows) of a practice."""
    with use_practice(practice.pk):
        return tuple(model.objects.count() for model in (Firing, Journey, StepResult, OutboxMessage))


@pytest.fixture
def practice(surveys):
    return PracticeFactory()


def test_ticks_doubled_and_repeated_after_a_crash_leave_one_decision_and_one_outbox_row(practice, monkeypatch):
    running(practice)
    discharge(practice)
    tick(practice, DUE - MINUTE)
    assert left(practice) == (0, 0, 0, 0)

    with monkeypatch.context() as patch:
        patch.setattr(evaluate, "set_clocks", lambda *args, **kwargs: 1 / 0)  # dies when all is written but the end
        with pytest.raises(ZeroDivisionError):
            tick(practice, DUE)
    assert left(practice) == (0, 0, 0, 0)

    for minutes in (0, 0, 1, 1, 60 * 24):
        tick(practice, DUE + minutes * MINUTE)
    assert left(practice) == (1, 1, 1, 1)
    with use_practice(practice.pk):
        assert OutboxMessage.objects.get().dedupe_key == f"{Firing.objects.get().pk}:ask"


def test_a_first_load_fires_nothing(practice):
    running(practice)
    discharge(practice, live_from=DUE)  # due before the connection went live, and at that very instant
    discharge(practice, live_from=None)
    for minutes in (0, 1, 60):
        tick(practice, DUE + minutes * MINUTE)
    assert left(practice) == (0, 0, 0, 0)


def test_what_is_due_at_the_very_instant_of_turning_on_does_not_fire_and_a_moment_later_does(practice):
    running(practice, at=DUE)
    discharge(practice)  # learned afterwards, so that only the floor keeps it out
    tick(practice, DUE + MINUTE)
    assert left(practice) == (0, 0, 0, 0)

    other = PracticeFactory()
    running(other, at=DUE - timedelta(microseconds=1))
    discharge(other)
    tick(other, DUE)
    assert left(other) == (1, 1, 1, 1)


def test_an_edit_that_allows_more_delay_finds_what_was_too_late_before(practice):
    rule = running(practice, max_late_hours=24)
    tick(practice, DUE)
    discharge(practice)
    tick(practice, DUE + timedelta(hours=30))
    assert left(practice)[0] == 0

    with use_practice(practice.pk):
        by = MembershipFactory()
        now = DUE + timedelta(hours=31)
        lifecycle.save_draft(rule, rule_document(max_late_hours=72), by=by, now=now)
        lifecycle.publish(rule, by=by, now=now)
    assert practice.pk in platform.practices_to_evaluate(now)
    tick(practice, now + MINUTE)
    assert left(practice) == (1, 1, 1, 1)


def test_a_rule_of_one_practice_never_touches_another(practice):
    other = PracticeFactory()
    running(practice)
    discharge(practice)
    discharge(other)
    tick(practice, DUE)
    assert (left(practice), left(other)) == ((1, 1, 1, 1), (0, 0, 0, 0))
    assert tick(other, DUE) is None  # nothing was ever turned on there


def test_two_evaluators_at_once_decide_once(practice):
    running(practice)
    for _patient in range(20):
        discharge(practice)
    barrier, outcomes = threading.Barrier(2), []

    def work():
        barrier.wait()
        try:
            outcomes.append(tick(practice, DUE))
        finally:
            connections.close_all()

    workers = [threading.Thread(target=work) for _worker in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert len(outcomes) == 2  # one decided, the other skipped or found nothing left
    assert sum(progress.decided for progress in outcomes if progress) == 20
    assert left(practice) == (20, 20, 20, 20)


def test_a_fact_that_commits_after_the_tick_that_overtook_it_is_decided_by_the_next(practice):
    running(practice)
    episode = discharge(practice, at=DISCHARGED + timedelta(days=300))
    tick(practice, DUE)
    written, go_on = threading.Event(), threading.Event()

    def write_slowly():
        try:
            with use_practice(practice.pk):
                Episode.objects.filter(pk=episode.pk).update(discharged_at=DISCHARGED)
                written.set()
                go_on.wait(30)
        finally:
            connections.close_all()

    writer = threading.Thread(target=write_slowly)
    writer.start()
    assert written.wait(30)
    tick(practice, DUE + MINUTE)  # cannot see it yet, and must not believe that it has
    assert left(practice)[0] == 0
    go_on.set()
    writer.join()
    tick(practice, DUE + 2 * MINUTE)

    with use_practice(practice.pk):
        assert list(Firing.objects.values_list("due_at", "decided_at")) == [(DUE, DUE + 2 * MINUTE)]


def test_a_batch_that_is_too_large_for_one_claim_is_finished_by_the_next(practice, monkeypatch):
    monkeypatch.setattr(evaluate, "ROWS_A_STATEMENT", 4)
    monkeypatch.setattr(evaluate, "SECONDS_A_CLAIM", 0.0)
    running(practice)
    for _patient in range(10):
        discharge(practice)
    seen = []
    while not (progress := tick(practice, DUE)).complete:
        seen.append(progress.decided)
        assert len(seen) < 10
        with use_practice(practice.pk):
            assert EvaluationState.objects.get().due_through < DUE  # the watermark waits
    assert seen[:2] == [4, 4]
    assert left(practice) == (10, 10, 10, 10)


def test_probes_slower_than_a_claim_delay_nothing(practice, monkeypatch):
    running(practice)
    discharge(practice)
    tick(practice, DUE)
    monkeypatch.setattr(evaluate, "SECONDS_A_CLAIM", 0.0)

    assert tick(practice, DUE + MINUTE).complete


def test_a_tick_before_the_last_one_is_skipped(practice):
    running(practice)
    discharge(practice)
    tick(practice, DUE + timedelta(days=1))
    decided = left(practice)
    assert tick(practice, DUE) is None
    assert left(practice) == decided


def test_beat_wakes_only_practices_in_which_something_is_due_or_changed(practice, monkeypatch):
    still, other = PracticeFactory(), PracticeFactory()
    for each in (practice, still, other):
        running(each)
        tick(each, TURNED_ON)
    assert platform.practices_to_evaluate(TURNED_ON) == []

    discharge(practice)
    assert platform.practices_to_evaluate(TURNED_ON) == [practice.pk]
    assert set(platform.practices_to_evaluate(TURNED_ON + timedelta(days=1))) == {practice.pk, still.pk, other.pk}

    woken = []
    monkeypatch.setattr(tasks.evaluate_practice, "for_practice", lambda *args: woken.append(args))
    with clock.at(TURNED_ON):
        tasks.tick()
    assert woken == [(practice.pk, TURNED_ON.isoformat())]


@pytest.mark.parametrize("zone", [
    "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Anchorage",
    "America/Detroit", "America/Phoenix", "Pacific/Honolulu",
])  # fmt: skip
@pytest.mark.parametrize("day", ["2026-03-08", "2026-11-01", "2027-03-14", "2027-11-07"])
def test_the_clock_of_a_zone_stands_at_the_wall_time_on_both_dst_days(practice, zone, day):
    start = datetime.fromisoformat(f"{day}T00:00+00:00")
    with use_practice(practice.pk):
        ClinicFactory(time_zone=zone)
    running(practice, at=start, trigger=after(1, "days", "06:00"))
    for hours in range(0, 72, 24):
        tick(practice, start + timedelta(hours=hours))
        with use_practice(practice.pk):
            clocks = {row.zone: row.next_at for row in RuleClock.objects.all()}
        shown = {name: at.astimezone(ZoneInfo(name)).strftime("%H:%M") for name, at in clocks.items()}
        assert shown == {"America/New_York": "06:00", zone: "06:00"}


def test_a_preview_says_what_a_tick_then_does(practice):
    running(practice)
    with use_practice(practice.pk):
        dead = PatientFactory(deceased_at=TURNED_ON)
    for fields in ({}, {}, {"patient": dead}, {"live_from": None}, {"at": DISCHARGED - timedelta(days=1)}):
        discharge(practice, **fields)
    with use_practice(practice.pk):
        state = EvaluationState.objects.get()
        rule = Rule.objects.select_related("version").get()
        window = evaluate._window(rule, DUE, state)
        would = evaluate.would_decide(rule.version.document, window, rule_id=rule.pk, limit=100)
        said = {(one.occurrence, one.outcome) for one in would}
    tick(practice, DUE)
    with use_practice(practice.pk):
        assert said == set(Firing.objects.values_list("occurrence", "outcome"))
        assert preview.next_due([rule], now=DUE) == {}


def test_the_probe_reads_no_more_episodes_than_are_due(practice):
    running(practice)
    with use_practice(practice.pk):
        patients = PatientFactory.create_batch(5)
        clinic = ClinicFactory()
        rows = [
            Episode(
                patient=patients[n % 5], clinic=clinic, source_key=f"many:{n}", status="discharged", discharge_seq=1,
                discharged_at=DISCHARGED - timedelta(hours=n), opened_at=TURNED_ON,
                live_from=TURNED_ON,
            )
            for n in range(20_000)
        ]  # fmt: skip
        Episode.objects.bulk_create(rows, batch_size=5_000)
    tick(practice, TURNED_ON)
    with connections["owner"].cursor() as cursor:
        cursor.execute("ANALYZE patients_episode, patients_patient, accounts_clinic, accounts_practice")
    with use_practice(practice.pk):
        rule = Rule.objects.select_related("version").get()
        window = evaluate._window(rule, DUE, EvaluationState.objects.get())
        probe = triggers.trigger("after_discharge").probe(rule.version.document["trigger"], "clinic", window)
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_user")
            assert cursor.fetchone() == ("prm_app",)
            cursor.execute("EXPLAIN " + probe.sql, {**probe.parameters, "practice": practice.pk})
            plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "patients_episode_discharged" in plan
    assert "Seq Scan on patients_episode" not in plan
