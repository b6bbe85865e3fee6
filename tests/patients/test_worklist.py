"""Work items: one open a subject, one outcome however many close it, history kept."""

from datetime import UTC, datetime, timedelta

import pytest

from patients import worklist
from patients.models import WorkItem
from tests.factories.accounts import MembershipFactory
from tests.factories.patients import PatientFactory

NOON = datetime(2026, 11, 24, 17, tzinfo=UTC)
KIND = "test_call"


@pytest.fixture(autouse=True)
def kind():
    if KIND not in worklist._kinds:
        worklist.register(
            KIND, label="Call", icon="phone", outcomes=[("reached", "Reached"), ("no_answer", "No answer")]
        )
    yield
    worklist._kinds.pop(KIND, None)


def history(item) -> list[str]:
    return list(item.lines.order_by("at", "id").values_list("what", flat=True))


def open_call(patient, *, now=NOON, due_at=None):
    return worklist.open_item(KIND, patient, now=now, due_at=due_at, patient=patient)


def test_a_repeat_adds_a_line_to_the_open_item(practice):
    patient = PatientFactory()
    assert len({open_call(patient).pk for _ in range(3)}) == 1
    assert history(WorkItem.objects.get()) == ["opened", "repeated", "repeated"]


def test_closing_needs_an_outcome_of_the_kind(practice):
    item, dana = open_call(PatientFactory()), MembershipFactory()
    with pytest.raises(worklist.UnknownOutcome):
        worklist.close_item(item, now=NOON, by=dana, outcome="saved")
    assert WorkItem.objects.open().count() == 1


def test_of_two_who_close_at_once_the_first_outcome_stands(practice):
    item = open_call(PatientFactory())
    stale = WorkItem.objects.get(pk=item.pk)
    worklist.close_item(item, now=NOON, by=MembershipFactory(), outcome="reached")
    with pytest.raises(worklist.AlreadyClosed):
        worklist.close_item(stale, now=NOON, by=MembershipFactory(), outcome="no_answer")
    assert WorkItem.objects.get().outcome == "reached"


@pytest.mark.parametrize(("days", "items"), [(6, 1), (8, 2)])
def test_the_same_cause_within_seven_days_reopens_the_item_with_its_history(practice, days, items):
    patient, due = PatientFactory(), NOON + timedelta(days=days, hours=4)
    worklist.close_item(open_call(patient), now=NOON, by=MembershipFactory(), outcome="reached")
    again = open_call(patient, now=NOON + timedelta(days=days), due_at=due)
    assert (WorkItem.objects.count(), again.due_at, again.outcome) == (items, due, "")


def test_undo_opens_the_item_again(practice):
    item, dana = open_call(PatientFactory()), MembershipFactory()
    worklist.close_item(item, now=NOON, by=dana, outcome="reached")
    worklist.undo_close(item, now=NOON, by=dana)
    assert (item.state, item.outcome, history(item)) == ("open", "", ["opened", "closed", "reopened"])
