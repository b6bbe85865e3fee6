"""The score: every combination that matters, and the words that may be said of it."""

import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps import score
from nps.score import Benchmark, Bucket, Standing, Tally, Verdict

tallies = st.builds(Tally, st.integers(0, 400), st.integers(0, 400), st.integers(0, 400))


def test_every_score_has_its_bucket():
    found = {number: score.bucket(number) for number in range(11)}

    assert found == {
        **dict.fromkeys(range(7), Bucket.DETRACTOR),
        7: Bucket.PASSIVE,
        8: Bucket.PASSIVE,
        9: Bucket.PROMOTER,
        10: Bucket.PROMOTER,
    }


@pytest.mark.parametrize("bad", [-1, 11, None, "9", 8.0, True, False])
def test_what_is_no_score_is_refused_by_name(bad):
    with pytest.raises(ValueError, match="expected a whole number from 0 to 10"):
        score.bucket(bad)


def test_score_0_is_an_answer():
    assert score.tally([0]) == Tally(detractors=1)
    assert score.tally([0] * 10).nps == -100
    assert score.tally([0] * 10).shown == -100


def test_no_answers_are_no_score():
    nothing = score.tally([])

    assert (nothing.n, nothing.nps, nothing.interval, nothing.shown, nothing.standing) == (
        0, None, None, None, Standing.NONE,
    )  # fmt: skip


def test_the_whole_score_may_be_0():
    even = Tally(promoters=5, passives=2, detractors=5)

    assert (even.nps, even.shown) == (0, 0)


def test_tally_by_hand():
    """12 promoters, 3 passives, 5 detractors: 100 (12 - 5) / 20 = 35."""
    scores = [10] * 8 + [9] * 4 + [8, 7, 7] + [6, 5, 3, 0, 0]

    assert score.tally(random.Random(1).sample(scores, len(scores))) == Tally(12, 3, 5)
    assert score.tally(scores).nps == 35


@pytest.mark.parametrize(("n", "standing", "shown"), [
    (1, Standing.FEW, None), (9, Standing.FEW, None), (10, Standing.THIN, 100), (29, Standing.THIN, 100),
    (30, Standing.FIRM, 100),
])  # fmt: skip
def test_what_may_be_shown_of_few_answers(n, standing, shown):
    counted = Tally(promoters=n)

    assert (counted.standing, counted.shown, counted.shown_interval is None) == (standing, shown, shown is None)


@pytest.mark.parametrize(("value", "printed"), [
    (Fraction(125, 2), 63), (Fraction(-125, 2), -63), (Fraction(0), 0), (Fraction(124, 2) + Fraction(49, 100), 62),
    (-0.4, 0), (84.5, 85),
])  # fmt: skip
def test_points_print_whole_a_half_away_from_zero(value, printed):
    assert score.whole(value) == printed


def test_the_interval_holds_the_score_for_every_outcome_of_10_to_120_answers():
    outside = [
        (promoters, n - promoters - detractors, detractors)
        for n in range(10, 121)
        for promoters in range(n + 1)
        for detractors in range(n - promoters + 1)
        if not _holds(Tally(promoters, n - promoters - detractors, detractors))
    ]
    assert outside == []


def _holds(counted: Tally) -> bool:
    low, high = counted.interval
    return low - 1e-9 <= counted.nps <= high + 1e-9


@given(counted=tallies)
def test_one_more_promoter_never_lowers_the_score(counted):
    more = counted + Tally(promoters=1)

    assert more.nps >= (counted.nps if counted.nps is not None else -100)
    assert more.estimate.mean >= counted.estimate.mean


@given(before=tallies, after=tallies)
def test_a_verdict_needs_30_answers_on_both_sides_and_a_clear_interval(before, after):
    found = score.change(before, after)

    assert (found.verdict == Verdict.NOT_ENOUGH) == (min(before.n, after.n) < 30)
    if found.verdict in {Verdict.BETTER, Verdict.WORSE}:
        assert (found.low > 0, found.high < 0) == (found.verdict == Verdict.BETTER, found.verdict == Verdict.WORSE)
    if found.verdict == Verdict.NO_CLEAR_CHANGE:
        assert found.low <= 0 <= found.high


def test_change_by_hand():
    """Before 80 of 100 and 10, after 55 of 100 and 25, adjusted as nps.md 5 writes it."""
    p1, d1, p2, d2 = (value / 103 for value in (80.75, 10.75, 55.75, 25.75))
    v1, v2 = (p1 + d1 - (p1 - d1) ** 2) / 103, (p2 + d2 - (p2 - d2) ** 2) / 103
    half = 196 * (v1 + v2) ** 0.5

    found = score.change(Tally(80, 10, 10), Tally(55, 20, 25))

    assert (found.verdict, found.difference) == (Verdict.WORSE, -40)
    assert found.adjusted_difference == pytest.approx(100 * (p2 - d2 - p1 + d1))
    assert (found.low, found.high) == pytest.approx(
        (found.adjusted_difference - half, found.adjusted_difference + half), abs=0.001
    )


def test_least_visible_change_is_where_the_verdict_turns():
    """p = 30.75/43, d = 5.75/43, v = (p + d - (p - d)^2)/43 = 0.011879; 196 sqrt(2 v) = 30.2 points, rounded up."""
    side = Tally(30, 5, 5)

    assert score.least_visible_change(side, side) == 31


@pytest.mark.parametrize(("counted", "expected"), [
    (Tally(5), Benchmark.TOO_EARLY),
    (Tally(), Benchmark.TOO_EARLY),
    (Tally(1000, 20, 10), Benchmark.TOP),
    (Tally(900, 80, 20), Benchmark.ABOVE),
    (Tally(800, 170, 20), Benchmark.BELOW),
    (Tally(500, 150, 100), Benchmark.BOTTOM),
    (Tally(88, 8, 4), Benchmark.TOO_EARLY),
])  # fmt: skip
def test_the_benchmark_is_stated_only_when_the_whole_interval_lies_on_one_side(counted, expected):
    assert score.benchmark(counted) == expected
