"""Figures over rounds and over single times."""

import math
from collections.abc import Sequence
from statistics import median

__all__ = ["drift", "median", "percentile"]


def percentile(times: Sequence[float], share: float) -> float:
    """The nearest-rank percentile: the smallest time that `share` (0-1) of all do not exceed. ValueError if empty."""
    if not times:
        raise ValueError("a percentile of no times")
    return sorted(times)[max(math.ceil(share * len(times)) - 1, 0)]


def drift(before: float, after: float) -> float:
    """How far two measurements of the same work are apart, as a share of the smaller."""
    return abs(before - after) / min(before, after)
