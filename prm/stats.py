"""Statistics for reports: pure functions on `math` and `statistics.NormalDist`, no table, no clock.

Formulas and their sources: spec nps.md 5 (score, interval, change, therapist flag) and reports.md 3 (rates).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

NORMAL = NormalDist()
Z95 = NORMAL.inv_cdf(0.975)  # 1.959964, the two-sided 95 % point


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with the variance of that mean, both as shares (-1 to 1), not points."""

    mean: float
    variance: float

    def interval(self) -> tuple[float, float]:
        """The 95 % interval of a mean that cannot leave -1 to 1: (low, high), clipped there."""
        half = Z95 * math.sqrt(self.variance)
        return max(-1.0, self.mean - half), min(1.0, self.mean + half)


@dataclass(frozen=True, slots=True)
class Difference:
    """`after` less `before`: the 95 % interval (not clipped) and the two-sided p of "no difference"."""

    value: float
    low: float
    high: float
    p: float

    @property
    def clear(self) -> bool:
        """Whether the interval leaves out zero, which is p < 0.05."""
        return self.low > 0 or self.high < 0


def net_share(plus: int, minus: int, n: int) -> Estimate:
    """The share of `plus` less the share of `minus` among `n` answers, Adjusted Wald with three answers added.

    N = n + 3, p = (plus + 3/4) / N, d = (minus + 3/4) / N, mean p - d, variance (p + d - (p - d)^2) / N.
    Source: Rocks 2016, The American Statistician 70(4); weights as in Lewis & Sauro 2021. The mean is the centre of the
    interval, not the score to show. ValueError where the counts cannot be.
    """
    if min(plus, minus) < 0 or plus + minus > n:
        raise ValueError(f"plus={plus}, minus={minus}, n={n}: expected counts from 0 that together are at most n")
    total = n + 3
    p, d = (plus + 0.75) / total, (minus + 0.75) / total
    mean = p - d
    return Estimate(mean=mean, variance=(p + d - mean * mean) / total)


def compare(before: Estimate, after: Estimate) -> Difference:
    """How far two independent estimates lie apart, by z = (m2 - m1) / sqrt(v1 + v2)."""
    value = after.mean - before.mean
    error = math.sqrt(before.variance + after.variance)
    if error == 0:
        return Difference(value, value, value, p=1.0 if value == 0 else 0.0)
    return Difference(value, value - Z95 * error, value + Z95 * error, p=math.erfc(abs(value) / error / math.sqrt(2)))


def wilson(x: int, n: int) -> tuple[float, float, float] | None:
    """Rate and its 95 % Wilson score interval, (rate, low, high) as shares 0 to 1; None where n is 0.

    Source: Wilson 1927, without continuity correction. ValueError where x is not within 0 and n.
    """
    if not 0 <= x <= n:
        raise ValueError(f"x={x}, n={n}: expected 0 <= x <= n")
    if n == 0:
        return None
    rate, z2 = x / n, Z95 * Z95
    centre = (rate + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * math.sqrt(rate * (1 - rate) / n + z2 / (4 * n * n))
    return rate, 0.0 if x == 0 else max(0.0, centre - half), 1.0 if x == n else min(1.0, centre + half)


def fisher_greater(a: int, b: int, c: int, d: int) -> float:
    """One-sided Fisher exact p: as many as `a` or more in the first cell of the table [[a, b], [c, d]].

    Exact whole-number binomials, divided once at the end. ValueError for a negative cell.
    """
    if min(a, b, c, d) < 0:
        raise ValueError(f"cells {a}, {b}, {c}, {d}: expected counts from 0")
    row, column, total = a + b, a + c, a + b + c + d
    if total == 0:
        return 1.0
    tail = sum(math.comb(column, k) * math.comb(total - column, row - k) for k in range(a, min(row, column) + 1))
    return tail / math.comb(total, row)


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted p values in the order given (Benjamini & Hochberg 1995): at most the share of false finds at each."""
    count = len(p_values)
    adjusted = [1.0] * count
    least = 1.0
    for rank, index in reversed(list(enumerate(sorted(range(count), key=p_values.__getitem__), start=1))):
        least = min(least, p_values[index] * count / rank)
        adjusted[index] = least
    return adjusted
