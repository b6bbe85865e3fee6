"""Score, interval, change and small numbers of the Net Promoter Score: pure, from counts or from scores (nps.md 5).

A score is a whole number 0 to 10, and 0 is an answer: nothing here tests the truth of a score.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from django.db import models
from django.utils.translation import gettext_lazy as _

from prm import stats

FLAG_FEWEST, FLAG_DETRACTORS, FLAG_RATE = 20, 3, 0.05  # answers, detractors, share of false flags allowed
FEWEST = 10  # answers before any score is shown
ENOUGH = 30  # answers before a verdict, a rank or a filled marker

# WebPT, Ascend 2017: the only published figures for outpatient physical therapy.
BENCHMARK_BOTTOM, BENCHMARK_AVERAGE, BENCHMARK_TOP = 75, 84, 90


class Bucket(models.TextChoices):
    """What a score makes of the person who gave it."""

    PROMOTER = "promoter", _("Promoter")
    PASSIVE = "passive", _("Passive")
    DETRACTOR = "detractor", _("Detractor")


class Verdict(models.TextChoices):
    """What may be said of two periods."""

    BETTER = "better", _("better")
    WORSE = "worse", _("worse")
    NO_CLEAR_CHANGE = "no_clear_change", _("no clear change")
    NOT_ENOUGH = "not_enough", _("not enough answers to compare")


MOVED = frozenset({Verdict.BETTER, Verdict.WORSE})  # the verdicts that allow an arrow


class Standing(models.TextChoices):
    """What may be shown of so many answers."""

    NONE = "none", _("no answers")
    FEW = "few", _("too few answers")  # 1-9: the count, no score
    THIN = "thin", _("few answers")  # 10-29: score and interval, hollow, no verdict, no rank
    FIRM = "firm", _("enough answers")


class Benchmark(models.TextChoices):
    """Where the whole interval lies among practices of WebPT's 2017 figures."""

    TOP = "top", _("top 10 %")
    ABOVE = "above", _("above average")
    BELOW = "below", _("below average")
    BOTTOM = "bottom", _("bottom 10 %")
    TOO_EARLY = "too_early", _("too early to say")


def bucket(score: int) -> Bucket:
    """Promoter 9-10, passive 7-8, detractor 0-6. ValueError where it is no whole number 0 to 10."""
    if isinstance(score, bool) or not isinstance(score, int) or not 0 <= score <= 10:
        raise ValueError(f"score {score!r}: expected a whole number from 0 to 10")
    if score >= 9:
        return Bucket.PROMOTER
    return Bucket.PASSIVE if score >= 7 else Bucket.DETRACTOR


def whole(value: Fraction | float) -> int:
    """Points as printed: whole, a half away from zero (62.5 is 63, -62.5 is -63)."""
    exact = value if isinstance(value, Fraction) else Fraction(value)
    return int((Decimal(exact.numerator) / exact.denominator).quantize(Decimal(1), rounding=ROUND_HALF_UP))


@dataclass(frozen=True, slots=True)
class Tally:
    """How many promoters, passives and detractors: all that a score needs."""

    promoters: int = 0
    passives: int = 0
    detractors: int = 0

    @property
    def n(self) -> int:
        """Answers."""
        return self.promoters + self.passives + self.detractors

    @property
    def nps(self) -> Fraction | None:
        """100 (P - D) / n, exact, -100 to 100; None (never 0) without answers."""
        return Fraction(100 * (self.promoters - self.detractors), self.n) if self.n else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval in points, unrounded, (low, high), within -100 and 100; None without answers."""
        if not self.n:
            return None
        low, high = self.estimate.interval()
        return 100 * low, 100 * high

    @property
    def estimate(self) -> stats.Estimate:
        """The adjusted share of promoters less that of detractors: the interval's centre and variance."""
        return stats.net_share(self.promoters, self.detractors, self.n)

    @property
    def standing(self) -> Standing:
        """What may be shown of it."""
        if self.n == 0:
            return Standing.NONE
        if self.n < FEWEST:
            return Standing.FEW
        return Standing.THIN if self.n < ENOUGH else Standing.FIRM

    @property
    def shown(self) -> int | None:
        """The score as printed; None below 10 answers."""
        return whole(self.nps) if self.nps is not None and self.n >= FEWEST else None

    @property
    def shown_interval(self) -> tuple[int, int] | None:
        """The interval as printed; None below 10 answers."""
        if self.interval is None or self.n < FEWEST:
            return None
        low, high = self.interval
        return whole(low), whole(high)

    def __add__(self, other: Tally) -> Tally:
        """Both together (of different people: the same person twice would count twice)."""
        return Tally(
            self.promoters + other.promoters, self.passives + other.passives, self.detractors + other.detractors
        )


def tally(scores: Iterable[int]) -> Tally:
    """Count scores, one a person. ValueError names the first that is no score."""
    return from_distribution(Counter(scores))


def from_distribution(counts: dict[int, int]) -> Tally:
    """Count answers given as {score: how many}."""
    buckets: Counter[Bucket] = Counter()
    for score, many in counts.items():
        buckets[bucket(score)] += many
    return Tally(buckets[Bucket.PROMOTER], buckets[Bucket.PASSIVE], buckets[Bucket.DETRACTOR])


@dataclass(frozen=True, slots=True)
class Change:
    """Two periods compared, in points: `difference` of the scores, the rest adjusted; None without answers."""

    verdict: Verdict
    difference: Fraction | None
    adjusted_difference: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None


def change(before: Tally, after: Tally) -> Change:
    """Whether the score moved: z on the adjusted values at 95 %; `not_enough` where either has under 30 answers."""
    if before.nps is None or after.nps is None:
        return Change(Verdict.NOT_ENOUGH, difference=None)
    found = stats.compare(before.estimate, after.estimate)
    if min(before.n, after.n) < ENOUGH:
        verdict = Verdict.NOT_ENOUGH
    elif not found.clear:
        verdict = Verdict.NO_CLEAR_CHANGE
    else:
        verdict = Verdict.BETTER if found.value > 0 else Verdict.WORSE
    return Change(verdict, after.nps - before.nps, 100 * found.value, 100 * found.low, 100 * found.high, found.p)


def least_visible_change(before: Tally, after: Tally) -> int:
    """Points under which a change between two such periods does not show: 196 sqrt(v1 + v2), rounded up."""
    return math.ceil(100 * stats.Z95 * math.sqrt(before.estimate.variance + after.estimate.variance))


def benchmark(counted: Tally) -> Benchmark:
    """Where the whole 95 % interval lies; too early to say where it spans the figure or answers are under 10."""
    if counted.interval is None or counted.n < FEWEST:
        return Benchmark.TOO_EARLY
    low, high = counted.interval
    if low > BENCHMARK_TOP:
        return Benchmark.TOP
    if high < BENCHMARK_BOTTOM:
        return Benchmark.BOTTOM
    if low > BENCHMARK_AVERAGE:
        return Benchmark.ABOVE
    return Benchmark.BELOW if high < BENCHMARK_AVERAGE else Benchmark.TOO_EARLY


@dataclass(frozen=True, slots=True)
class Flag:
    """Whether a therapist has more detractors than the peers beyond chance; `p` is None below 20 answers."""

    n: int
    detractors: int
    p: float | None
    flagged: bool


def flags(tallies: dict[str, Tally]) -> dict[str, Flag]:
    """Whom to help: one-sided Fisher exact against all others, Benjamini-Hochberg at 5 %, three detractors or more.

    `tallies` are a year's, by therapist; the others are everyone else's answers, also those of therapists with few.
    """
    everyone = sum(tallies.values(), Tally())
    tested = {name: _p_of_more(counted, everyone) for name, counted in tallies.items() if counted.n >= FLAG_FEWEST}
    adjusted = dict(zip(tested, stats.benjamini_hochberg(list(tested.values())), strict=True))
    return {
        name: Flag(
            counted.n,
            counted.detractors,
            tested.get(name),
            flagged=counted.detractors >= FLAG_DETRACTORS and adjusted.get(name, 1.0) <= FLAG_RATE,
        )
        for name, counted in tallies.items()
    }


def _p_of_more(counted: Tally, everyone: Tally) -> float:
    peers = everyone.detractors - counted.detractors
    return stats.fisher_greater(
        counted.detractors, counted.n - counted.detractors, peers, everyone.n - counted.n - peers
    )
