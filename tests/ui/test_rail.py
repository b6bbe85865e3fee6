"""The plan rail: what its marks and its words say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prm.ui import rail

DONE, MISSED, CANCELLED, BOOKED = "completed", "no_show", "cancelled", "booked"
STATUSES = st.lists(st.sampled_from(sorted(rail.MARK_OF_STATUS)), max_size=60)


def test_plan_of_twelve_with_a_miss_and_two_booked() -> None:
    drawn = rail.marks(12, [DONE] * 3 + [MISSED] + [DONE] * 2 + [BOOKED] * 2)

    assert drawn == rail.Rail("vvvmvvbboooo", "5 of 12 visits attended, 1 missed, 2 booked")


def test_own_rail_never_shows_misses() -> None:
    drawn = rail.marks(6, [DONE, MISSED, CANCELLED, BOOKED], for_patient=True)

    assert drawn == rail.Rail("vboooo", "1 of 6 visits attended, 1 booked")


def test_without_a_plan_only_attended_and_booked_show() -> None:
    assert rail.marks(None, [DONE, MISSED, BOOKED]) == rail.Rail("vb", "1 visit attended, 1 booked")


def test_over_24_planned_visits_a_mark_stands_for_two() -> None:
    drawn = rail.marks(26, [DONE] * 4 + [DONE, MISSED] + [BOOKED])

    assert drawn.marks == "vvmb" + "o" * 9
    assert drawn.label == "5 of 26 visits attended, 1 missed, 1 booked. Each mark stands for 2 visits"


def test_more_visits_than_planned_all_show() -> None:
    assert rail.marks(2, [DONE] * 3) == rail.Rail("vvv", "3 of 2 visits attended")


def test_unknown_status_is_named() -> None:
    with pytest.raises(ValueError, match=r"'lost': expected one of completed"):
        rail.marks(3, ["lost"])


@given(planned=st.one_of(st.none(), st.integers(0, 80)), visits=STATUSES)
def test_own_rail_holds_no_miss_whatever_happened(planned: int | None, visits: list[str]) -> None:
    drawn = rail.marks(planned, visits, for_patient=True)

    assert set(drawn.marks) <= {"v", "b", "o"}
    assert "missed" not in drawn.label


@given(planned=st.integers(0, 24), visits=STATUSES)
def test_there_are_as_many_marks_as_the_larger_of_plan_and_visits(planned: int, visits: list[str]) -> None:
    assert len(rail.marks(planned, visits).marks) == max(planned, len(visits))
