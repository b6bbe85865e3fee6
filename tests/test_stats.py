"""The statistics against calculations of another kind: exact fractions, simulation, brute force."""

import math
import random
from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prm import stats


def test_net_share_is_the_mean_and_variance_of_the_answers_with_three_more():
    """The added three are 3/4 plus, 3/2 nothing and 3/4 minus; mean and variance then follow from their definition."""
    weights = {1: Fraction(64) + Fraction(3, 4), 0: Fraction(10) + Fraction(3, 2), -1: Fraction(5) + Fraction(3, 4)}
    total = sum(weights.values())
    mean = sum(value * weight for value, weight in weights.items()) / total
    variance = sum((value - mean) ** 2 * weight for value, weight in weights.items()) / total

    found = stats.net_share(64, 5, 79)

    assert found.mean == pytest.approx(float(mean), abs=1e-12)
    assert found.variance == pytest.approx(float(variance / total), abs=1e-12)
    assert [round(100 * edge, 4) for edge in found.interval()] == [59.2925, 84.61]  # design/charts/nps_trend.vl.json


@pytest.mark.parametrize(("n", "least"), [(10, 0.93), (20, 0.94), (30, 0.94), (100, 0.94)])
def test_the_interval_covers_a_true_score_of_84(n, least):
    """Simulated with 88 % promoters, 8 % passives, 4 % detractors; nps.md states 95, 96, 96, 96 %."""
    source, hits, runs = random.Random(n), 0, 4000
    for _ in range(runs):
        draws = source.choices((1, 0, -1), weights=(88, 8, 4), k=n)
        low, high = stats.net_share(draws.count(1), draws.count(-1), n).interval()
        hits += low <= 0.84 <= high
    assert hits / runs >= least


@given(plus=st.integers(0, 60), nothing=st.integers(0, 60), minus=st.integers(0, 60))
def test_the_interval_stays_within_its_scale_and_mirrors(plus, nothing, minus):
    n = plus + nothing + minus
    low, high = stats.net_share(plus, minus, n).interval()
    mirrored = stats.net_share(minus, plus, n).interval()

    assert -1 <= low <= high <= 1
    assert mirrored == pytest.approx((-high, -low))


@given(a=st.tuples(*[st.integers(0, 80)] * 3), b=st.tuples(*[st.integers(0, 80)] * 3))
def test_a_clear_difference_is_p_below_5_percent_and_turns_with_the_order(a, b):
    before, after = (stats.net_share(plus, minus, plus + zero + minus) for plus, zero, minus in (a, b))
    there, back = stats.compare(before, after), stats.compare(after, before)

    assert there.clear == (there.p < 0.05)
    assert (back.value, back.low, back.high, back.p) == pytest.approx((-there.value, -there.high, -there.low, there.p))


def test_compare_agrees_with_the_normal_distribution():
    before, after = stats.net_share(189, 28, 240), stats.net_share(171, 27, 240)
    z = (after.mean - before.mean) / math.sqrt(before.variance + after.variance)

    assert stats.compare(before, after).p == pytest.approx(2 * (1 - stats.NORMAL.cdf(abs(z))), abs=1e-12)


def test_equal_certain_estimates_do_not_differ():
    assert stats.compare(stats.Estimate(0.5, 0), stats.Estimate(0.5, 0)).p == 1
    assert stats.compare(stats.Estimate(0.5, 0), stats.Estimate(0.6, 0)).clear


@given(n=st.integers(1, 500), x=st.integers(0, 500))
def test_wilson_ends_are_where_the_score_test_stands_at_its_limit(n, x):
    """Each end p solves |x/n - p| = z sqrt(p (1 - p) / n): Wilson's definition, not his formula."""
    x = min(x, n)
    rate, low, high = stats.wilson(x, n)

    assert 0 <= low <= rate <= high <= 1
    for end in {low, high} - {0.0, 1.0}:
        assert abs(rate - end) == pytest.approx(stats.Z95 * math.sqrt(end * (1 - end) / n), abs=1e-9)


def test_wilson_of_nothing_is_nothing():
    assert stats.wilson(0, 0) is None


@pytest.mark.parametrize("call", [
    lambda: stats.wilson(3, 2), lambda: stats.wilson(-1, 2), lambda: stats.net_share(2, 2, 3),
    lambda: stats.net_share(-1, 0, 3), lambda: stats.fisher_greater(1, -1, 2, 2),
])  # fmt: skip
def test_impossible_counts_are_refused(call):
    with pytest.raises(ValueError, match="expected"):
        call()


@given(a=st.integers(0, 4), b=st.integers(0, 4), c=st.integers(0, 3), d=st.integers(0, 3))
def test_fisher_counts_every_way_to_deal_the_margins(a, b, c, d):
    total, row, column = a + b + c + d, a + b, a + c
    deals = [sum(1 for person in deal if person < column) for deal in combinations(range(total), row)]
    expected = sum(1 for many in deals if many >= a) / len(deals)

    assert stats.fisher_greater(a, b, c, d) == pytest.approx(expected)


def test_fisher_of_the_lady_tasting_tea():
    assert stats.fisher_greater(4, 0, 0, 4) == pytest.approx(1 / 70)


def test_benjamini_hochberg_adjusts_in_the_order_given():
    assert stats.benjamini_hochberg([0.04, 0.01, 0.03, 0.5]) == pytest.approx([0.16 / 3, 0.04, 0.16 / 3, 0.5])


@given(p_values=st.lists(st.floats(0, 1), max_size=12))
def test_benjamini_hochberg_never_lowers_p_and_keeps_the_order(p_values):
    adjusted = stats.benjamini_hochberg(p_values)

    assert all(0 <= before <= after + 1e-12 <= 1 + 1e-9 for before, after in zip(p_values, adjusted, strict=True))
    pairs = sorted(zip(p_values, adjusted, strict=True))
    assert [after for _, after in pairs] == sorted(adjusted)
