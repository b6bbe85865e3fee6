"""Rounds: sides interleaved, each result checked before its time counts, noisy rounds repeated (bench.md section 1)."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench.case import Bar, Case, Outcome, Round, Side, Unavailable
from bench.stats import drift, median

MOST_DRIFT = 0.2  # between the probe before a round and the one after
MOST_LOAD = 2.5  # of others, over a minute
TRIES = 4  # a noisy round is repeated at most three times


@dataclass(frozen=True, slots=True)
class Probe:
    """What a fixed piece of work took just now: arithmetic and single-row commits in seconds; the load of others."""

    arithmetic: float
    commits: float
    load: float

    def quiet_until(self, after: "Probe") -> bool:
        """Whether the machine was the same before and after, and ours."""
        drifts = (drift(self.arithmetic, after.arithmetic), drift(self.commits, after.commits))
        return max(drifts) <= MOST_DRIFT and max(self.load, after.load) <= MOST_LOAD


@dataclass(slots=True)
class Judged:
    """A bar over all rounds; `median` is None where a side that it needs could not run."""

    bar: Bar
    median: float | None = None
    least: float = 0.0
    most: float = 0.0

    @property
    def passed(self) -> bool | None:
        """Whether the median meets it; None where it was skipped."""
        return None if self.median is None else self.bar.met(self.median)


@dataclass(slots=True)
class Measured:
    """All that a case's run gave. `noisy`: some round never was quiet. `missing`: sides that could not run, and why."""

    rounds: list[dict[str, Outcome]] = field(default_factory=list)
    probes: list[tuple[Probe, Probe]] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    noisy: bool = False
    bars: list[Judged] = field(default_factory=list)


def measure(
    case: Case, *, rounds: int, probe: Callable[[], Probe], settle: Callable[[], None],
    judge: bool = True, clock: Callable[[], float] = time.perf_counter,
) -> Measured:  # fmt: skip
    """Run all sides once unrecorded, then `rounds` times in alternating order; judge the bars.

    `settle` makes the database quiet between loading and running (vacuum, checkpoint). WrongOutput from any check.
    `judge=False`: every side must be right, no round is timed twice and no bar is judged.
    """
    found = Measured()
    sides = [side for side in case.sides() if _works(side, found)]
    for side in sides:
        _once(side, settle, clock)
    for number in range(rounds):
        order = sides if number % 2 == 0 else sides[::-1]
        for attempt in range(TRIES if judge else 1):
            before = probe()
            made = {side.name: _once(side, settle, clock) for side in order}
            after = probe()
            quiet = before.quiet_until(after)
            if quiet or attempt == TRIES - 1 or not judge:
                break
        found.noisy |= judge and not quiet
        found.rounds.append(made)
        found.probes.append((before, after))
    found.bars = [_judged(bar, found.rounds, found.missing) for bar in case.bars()] if judge else []
    return found


def _works(side: Side, found: Measured) -> bool:
    try:
        side.prepare()
    except Unavailable as problem:
        found.missing[side.name] = str(problem)
        return False
    return True


def _once(side: Side, settle: Callable[[], None], clock: Callable[[], float]) -> Outcome:
    """Fresh data, the work, the check."""
    side.prepare()
    settle()
    began = clock()
    outcome = side.run()
    outcome.seconds = clock() - began
    side.check(outcome)
    outcome.result = None  # the next round must not find it in memory
    return outcome


def _judged(bar: Bar, rounds: Sequence[Round], missing: dict[str, str]) -> Judged:
    if missing.keys() & set(bar.sides):
        return Judged(bar)
    values = [bar.value(made) for made in rounds]
    return Judged(bar, median(values), min(values), max(values))
