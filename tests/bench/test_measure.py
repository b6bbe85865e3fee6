"""The frame of `make bench` against planted faults (bench.md section 6, B2); the clock is ours, nothing is timed."""

import json
import os
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import machine, measure, report, run, stats
from bench.case import Bar, Outcome, Side, Sizes, Unavailable, WrongOutput

QUIET = measure.Probe(0.1, 0.2, 0.5)
MACHINE = {
    "cpu": "EPYC", "cores": 2, "memory": "24 GiB", "kernel": "6", "python": "3.11", "django": "5.2", "psycopg2": "2.9",
    "postgresql": "18", "load": 0.1, "settings": machine.SETTINGS,
}  # fmt: skip


class Planted:
    """A case whose sides take as long as they are told, by a clock of its own."""

    name, writes = "planted", True

    def __init__(self, ours=1.0, limit=1.0, lost=0, peer=None):
        self.now, self.ran = 0.0, []
        self.takes, self.lost, self.peer = {"ours": ours, "limit": limit}, lost, peer

    def clock(self):
        return self.now

    def sizes(self, *, quick):
        return 100, "rows"

    def load(self, sizes):
        raise AssertionError("the frame loads before it measures, not meanwhile")

    def _side(self, name, prepare=lambda: None):
        def do():
            self.ran.append(name)
            self.now += self.takes[name]
            return Outcome(units=100, result=100 - (self.lost if name == "ours" else 0))

        def check(outcome):
            if outcome.result != 100:
                raise WrongOutput(f"{outcome.result} of 100 rows")

        return Side(name, do, check, prepare=prepare)

    def sides(self):
        def missing():
            raise Unavailable("not installed")

        peers = [Side("peer:other", lambda: Outcome(1), lambda _o: None, prepare=missing)] if self.peer else []
        return [self._side("ours"), self._side("limit"), *peers]

    def bars(self):
        bars = [Bar("vs_limit", lambda made: made["ours"].rate / made["limit"].rate, at_least=0.6, goal=0.9)]
        if self.peer:
            bars.append(Bar("vs_peer", lambda made: 1 / 0, at_least=3, sides=["peer:other"]))
        return bars


def measured(case, rounds=3, probes=None, judge=True):
    seen = iter(probes) if probes else None
    return measure.measure(
        case, rounds=rounds, probe=(lambda: next(seen)) if seen else (lambda: QUIET), settle=lambda: None,
        judge=judge, clock=case.clock,
    )  # fmt: skip


def test_sides_run_once_to_warm_up_and_then_in_alternating_order():
    case = Planted()
    found = measured(case)
    assert case.ran == [
        "ours", "limit",
        "ours", "limit", "limit", "ours", "ours", "limit",
    ]  # fmt: skip
    assert len(found.rounds) == 3
    assert run.status(found) == run.MET


def test_a_side_of_twice_the_time_misses_its_bar():
    found = measured(Planted(ours=2.0))
    (bar,) = found.bars
    assert (bar.median, bar.least, bar.most, bar.passed) == (0.5, 0.5, 0.5, False)
    assert run.status(found) == run.MISSED


def test_a_side_that_drops_a_hundredth_of_its_rows_ends_the_run():
    with pytest.raises(WrongOutput, match="99 of 100 rows"):
        measured(Planted(lost=1))


def test_a_noisy_round_is_repeated_three_times_and_then_says_nothing():
    busy = measure.Probe(0.2, 0.2, 0.5)  # the arithmetic took twice as long after the round
    case = Planted(ours=2.0)
    found = measured(case, rounds=1, probes=[QUIET, busy] * 4)
    assert case.ran.count("ours") == 1 + 4
    assert run.status(found) == run.NOISY


def test_a_round_that_becomes_quiet_counts_alone():
    loud = measure.Probe(0.1, 0.2, 3.0)  # others' load
    found = measured(Planted(), rounds=1, probes=[QUIET, loud, QUIET, QUIET])
    assert (len(found.rounds), len(found.probes), run.status(found)) == (1, 1, run.MET)


def test_a_peer_that_is_not_there_is_named_its_bar_skipped_and_the_run_not_green():
    case = Planted(peer=True)
    found = measured(case)
    shown = "\n".join(report.lines(case, found, Sizes(100, 1, False), "rows", MACHINE))
    assert "not installed" in shown
    assert [judged.passed for judged in found.bars] == [True, None]
    assert shown.count("SKIP") == 2
    assert run.status(found) == run.NO_PEER


def test_checking_alone_judges_nothing_and_repeats_nothing():
    loud = measure.Probe(0.1, 0.2, 9.0)
    found = measured(Planted(ours=9.0), rounds=1, probes=[QUIET, loud], judge=False)
    assert (found.bars, found.noisy, run.status(found)) == ([], False, run.MET)


def test_the_result_is_as_the_schema_says_and_its_trend_can_be_read(tmp_path, monkeypatch):
    case = Planted(peer=True)
    result = report.document(case, measured(case), Sizes(100, 7, True), "rows", MACHINE, ("abc1234", True))
    jsonschema.validate(result, json.loads(Path(report.__file__).with_name("schema.json").read_text()))
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    report.store(result, "20261124T170000Z")
    assert report.trend(tmp_path) == [
        f"{'planted.vs_limit ≥ 0.6, goal 0.9':<50} 1q",
        f"{'planted.vs_peer ≥ 3':<50} skip",
    ]


def test_the_table_names_the_ratio_and_the_verdict():
    case = Planted(ours=4.0)
    table = report.lines(case, measured(case), Sizes(100, 1, False), "rows", MACHINE)
    assert table[0] == "case planted  100 rows, 3 rounds, seed 1, EPYC, 2 cores, PG 18"
    assert table[3].split() == ["limit", "100.0", "100.0–100.0", "4.00"]
    assert table[4].split() == ["bar", "planted.vs_limit", "≥", "0.6,", "goal", "0.9", "0.25", "(0.25–0.25)", "FAIL"]


def test_every_case_has_a_name_sizes_and_bars():
    """The whole list: a new case is added here."""
    assert run.names() == ["search"]


@pytest.mark.django_db
def test_a_server_that_does_not_sync_is_refused(monkeypatch):
    monkeypatch.setattr(machine, "SETTINGS", {"fsync": "off"})
    with pytest.raises(machine.Refused, match="fsync is on, expected off"):
        machine.check_settings(os.environ["DATABASE_URL"])


@given(st.lists(st.floats(0, 1e6), min_size=1), st.sampled_from([0.5, 0.95, 1.0]))
def test_a_percentile_is_a_time_that_the_share_does_not_exceed(times, share):
    found = stats.percentile(times, share)
    assert found in times
    assert sum(one <= found for one in times) >= share * len(times)
    assert sum(one < found for one in times) < share * len(times)


def test_a_percentile_of_nothing_is_an_error():
    with pytest.raises(ValueError, match="no times"):
        stats.percentile([], 0.95)
