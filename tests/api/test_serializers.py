"""What a body may not hold, and how each error points at its place."""

from hypothesis import given
from hypothesis import strategies as st
from rest_framework import serializers

from prm.api.problems import Error
from prm.api.serializers import StrictSerializer, errors_of, refuse


class Visit(StrictSerializer):
    at = serializers.DateTimeField()
    minutes = serializers.IntegerField(min_value=5, max_value=240)
    booked = serializers.BooleanField(required=False)


class Plan(StrictSerializer):
    title = serializers.CharField(max_length=10)
    side = serializers.ChoiceField(["left", "right"], allow_null=True)
    visits = Visit(many=True)
    limits = serializers.DictField(child=serializers.IntegerField(), required=False)
    id = serializers.UUIDField(read_only=True)

    def validate_title(self, title: str) -> str:
        if title == "taken":
            raise refuse("a title that no other plan has")
        return title

    def validate(self, plan: dict) -> dict:
        if len(plan["visits"]) > 2:
            raise refuse("2 visits at most")
        return plan


GOOD = {"title": "Knee", "side": None, "visits": [{"at": "2026-11-24T09:30:00Z", "minutes": 45}]}


def wrong(**changes):
    serializer = Plan(data={**GOOD, **changes})
    return [] if serializer.is_valid() else sorted(errors_of(serializer), key=lambda error: error.where)


def test_what_is_right_has_no_errors():
    assert wrong() == []


def test_each_error_points_at_its_place():
    assert wrong(title=7, visits=[GOOD["visits"][0], {"at": "soon", "minutes": "45", "room": 1}]) == [
        Error("#/title", "7", "text of 1 to 10 characters"),
        Error("#/visits/1/at", '"soon"', "a moment with its offset, such as 2026-11-24T09:30:00Z"),
        Error("#/visits/1/minutes", '"45"', "a whole number from 5 to 240"),
        Error("#/visits/1/room", "1", "one of at, booked, minutes"),
    ]
    assert wrong(limits={"a": 1, "b": "x"}) == [Error("#/limits/b", '"x"', "a whole number")]
    assert wrong(visits=None) == [Error("#/visits", "null", "a list of objects")]
    assert wrong(id="x") == [Error("#/id", '"x"', "one of limits, side, title, visits")]


def test_what_is_missing_is_found_as_nothing():
    serializer = Plan(data={"title": "Knee"})
    assert not serializer.is_valid()
    assert errors_of(serializer) == [
        Error("#/side", "nothing", "one of left, right or null"), Error("#/visits", "nothing", "a list of objects"),
    ]  # fmt: skip


def test_a_check_of_our_own_says_what_would_have_been_right():
    assert wrong(title="taken") == [Error("#/title", '"taken"', "a title that no other plan has")]
    [error] = wrong(visits=GOOD["visits"] * 3)
    assert (error.where, error.expected) == ("#", "2 visits at most")


def test_true_is_no_number_and_one_no_truth():
    visit = GOOD["visits"][0]
    assert [error.where for error in wrong(visits=[{**visit, "minutes": True, "booked": 1}])] == [
        "#/visits/0/booked", "#/visits/0/minutes",
    ]  # fmt: skip


anything = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(), below, max_size=3),
)


@given(st.dictionaries(st.sampled_from(["title", "side", "visits", "limits", "id", "a/b"]), anything) | anything)
def test_whatever_arrives_is_taken_or_explained(body):
    serializer = Plan(data=body)
    if not serializer.is_valid():
        found = errors_of(serializer)
        assert found
        for error in found:
            assert error.where.startswith("#")
            assert error.expected
            (error.where + error.found + error.expected).encode()
