"""The merge state is a function of the set of statements, whatever their order and number."""

import hashlib
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from integrations.facts import (
    EPISODE,
    PATIENT,
    Fact,
    canonical,
    changed_order,
    entity_key,
    history_of,
    merge,
    order_key,
    order_moment,
    stated,
    value_of,
)

T0 = datetime(2026, 3, 1, 9, tzinfo=UTC)
statements = st.lists(
    st.tuples(st.integers(0, 12), st.sampled_from(["a", "b", None, {"first": "Ruth"}])), min_size=1, max_size=14
)


def fact(minute, value, unit="email", entity=PATIENT):
    return Fact(entity, "MRN|1", order_key(T0 + timedelta(minutes=minute), digest=f"{minute:04d}"), {unit: value})


def reference(points):
    """The last run of equal values by (moment, value), written down plainly."""
    ordered = sorted({(fact(m, v).order, canonical(v)) for m, v in points}, key=lambda p: (p[0], _hash(p)))
    last = ordered[-1]
    first = last
    for point in reversed(ordered):
        if point[1] != last[1]:
            break
        first = point
    return last[1], first[0]


def _hash(point):
    return hashlib.sha256(point[1].encode()).hexdigest()[:8]


@given(statements, st.randoms(use_true_random=False))
def test_order_and_duplicates_are_irrelevant_and_a_resent_value_keeps_its_first_moment(points, rng):
    shuffled = [fact(m, v) for m, v in points for _ in range(rng.randint(1, 3))]
    rng.shuffle(shuffled)
    state = {}

    for one in shuffled:
        merge(state, [one])

    value, first = reference(points)
    assert canonical(value_of(state, "email", None)) == value
    assert changed_order(state, "email").startswith(first)


@given(st.lists(st.integers(0, 200), min_size=1, max_size=120), st.randoms(use_true_random=False))
def test_nightly_resends_stay_small_and_keep_the_first_moment(minutes, rng):
    rng.shuffle(minutes)
    state = {}

    for minute in minutes:
        merge(state, [fact(minute, "same")])

    assert order_moment(changed_order(state, "email")) == T0 + timedelta(minutes=min(minutes))
    assert len(state["email"]["p"]) <= 40


@given(statements, st.randoms(use_true_random=False))
def test_every_discharge_that_was_stated_is_kept_in_order(points, rng):
    facts = [fact(m, v, "discharge", EPISODE) for m, v in points] * 2
    rng.shuffle(facts)
    state = {}

    merge(state, facts)

    expected = sorted({(fact(m, v).order, _hash((0, canonical(v))), canonical(v)) for m, v in points})
    assert [canonical(v) for _point, v in history_of(state, "discharge")] == [value for *_rest, value in expected]


def test_absent_deleted_and_newer_values_are_told_apart():
    state = {}
    merge(state, [Fact(PATIENT, "k", order_key(T0), {"email": "ruth@example.com", "phone": "+14155550100"})])
    merge(state, [Fact(PATIENT, "k", order_key(T0 + timedelta(days=1)), {"phone": None})])

    assert value_of(state, "email") == "ruth@example.com"
    assert (stated(state, "phone"), value_of(state, "phone")) == (True, None)
    assert not stated(state, "address")


def test_of_what_happened_at_one_moment_the_rank_decides():
    done, cancelled = order_key(T0, rank=5), order_key(T0, rank=3)
    state = {}

    for order, status in ((done, "completed"), (cancelled, "cancelled")):
        merge(state, [Fact("visit", "v", order, {"schedule_status": status})])

    assert value_of(state, "schedule_status") == "completed"


def test_a_repeated_statement_changes_nothing():
    state = {}
    assert merge(state, [fact(1, "a")]) is True
    assert merge(state, [fact(1, "a")]) is False


def test_order_keys_sort_by_moment_then_rank_then_sequence_then_control_id():
    keys = [
        order_key(datetime(1953, 1, 1, tzinfo=UTC)),
        order_key(T0),
        order_key(T0, control_id="9"),
        order_key(T0, control_id="10"),
        order_key(T0, sequence="1"),
        order_key(T0, rank=1),
        order_key(T0 + timedelta(milliseconds=1)),
    ]
    assert keys == sorted(keys)


def test_a_key_too_long_for_its_column_is_cut_and_still_tells_apart():
    one, other = entity_key("A" * 200, "1"), entity_key("A" * 200, "2")
    assert (len(one), len(other)) == (120, 120)
    assert one != other
