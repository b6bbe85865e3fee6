"""The registry of what is measured: every number of a report has its definition here (reports.md 3).

An app registers its metrics in `AppConfig.ready()`; templates print numbers through `{% metric %}`, which writes the
key beside the number, so that page, PDF and definitions can be held against each other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any, Literal

from prm.ui import words

Unit = Literal["points", "percent", "count", "minutes"]
Number = int | Fraction | Decimal


@dataclass(frozen=True, slots=True)
class Metric:
    """What a number means. `function` computes it; `minimum` answers are needed before it is shown."""

    key: str
    label: str
    unit: Unit
    numerator: str
    denominator: str
    source: str
    function: Callable[..., Any]
    exclusions: str = ""
    minimum: int = 0
    better: Literal["up", "down", ""] = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """One value of a metric: exact, with its n (None: a count needs none) and its interval.

    In the metric's unit; what is printed as percent is a share, 0 to 1.
    """

    key: str
    value: Number | None
    n: int | None = None
    low: float | None = None
    high: float | None = None
    href: str = ""

    @property
    def shown(self) -> bool:
        """Whether there is a value and its n reaches the metric's minimum."""
        return self.value is not None and (self.n is None or self.n >= get(self.key).minimum)

    @property
    def text(self) -> str:
        """The value as printed, or what is missing: "78", "44%", "1 h 40 min", "7 of 10 answers needed"."""
        if self.shown and self.value is not None:
            return _print(self.value, get(self.key).unit)
        if self.n:
            return f"{self.n} of {get(self.key).minimum} answers needed"
        return "no answers" if get(self.key).unit == "points" else "none yet"

    @property
    def interval_text(self) -> str:
        """The 95 % interval as printed, "70 to 84"; nothing where the value is not shown or has none."""
        if not self.shown or self.low is None or self.high is None:
            return ""
        unit = get(self.key).unit
        return f"{_print(Fraction(self.low), unit)} to {_print(Fraction(self.high), unit)}"


_metrics: dict[str, Metric] = {}


def register(*metrics: Metric) -> None:
    """Add definitions; ValueError where a key has another one already."""
    for metric in metrics:
        if _metrics.setdefault(metric.key, metric) != metric:
            raise ValueError(f"the metric {metric.key} is defined twice")


def get(key: str) -> Metric:
    """The definition; KeyError names a key that has none."""
    return _metrics[key]


def definitions() -> list[Metric]:
    """All of them, by key."""
    return [_metrics[key] for key in sorted(_metrics)]


def _print(value: Number, unit: Unit) -> str:
    exact = Decimal(Fraction(value).numerator) / Fraction(value).denominator
    if unit == "percent":
        return words.percent(exact)
    whole = int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))
    return words.duration(timedelta(minutes=whole)) if unit == "minutes" else words.count(whole)
