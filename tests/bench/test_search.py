"""The case `search` finds what a search through all names in memory finds; small, as `make bench CHECK=1` runs it."""

import pytest

from bench import measure
from bench.case import Sizes, WrongOutput
from bench.cases import search
from tests.factories.accounts import PracticeFactory

pytestmark = pytest.mark.django_db(transaction=True)
QUIET = measure.Probe(1, 1, 0)


def checked(case):
    return measure.measure(case, rounds=1, probe=lambda: QUIET, settle=lambda: None, judge=False)


def test_every_side_is_right_and_a_wrong_one_is_found_out():
    case = search.Search()
    case.load(Sizes(1_000, 20260101, True))
    assert set(checked(case).rounds[0]) == {search.PREFIX, search.FREE, search.PALETTE, search.KEY}
    assert {bar.name for bar in case.bars()} == {"prefix_p95_vs_key", "free_p95_vs_key", "palette_p95_ms"}

    case.expected[search.FREE][7] = []
    with pytest.raises(WrongOutput, match="ours:free"):
        checked(case)


def test_the_same_seed_asks_the_same_questions(monkeypatch):
    monkeypatch.setattr(search.gen, "practice", lambda name, slug: PracticeFactory())
    monkeypatch.setattr(search, "OTHERS", 0)
    first, again, other = search.Search(), search.Search(), search.Search()
    for case, seed in ((first, 1), (again, 1), (other, 2)):
        case.load(Sizes(500, seed, True))
    assert first.asked[search.PALETTE] == again.asked[search.PALETTE]
    assert first.asked[search.PALETTE] != other.asked[search.PALETTE]
