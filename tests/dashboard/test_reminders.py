"""An agreement that ends soon waits in a manager's inbox, once, and leaves when it is renewed."""

from datetime import date, time, timedelta

import pytest

from accounts.models import Agreement, Membership
from dashboard.reminders import KIND, remind_of_agreements
from patients import worklist
from patients.models import WorkItem
from prm import clock
from tests.factories.accounts import MembershipFactory

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 24)


def signed(party: str, ends: date | None) -> Agreement:
    return Agreement.objects.create(party=party, status="signed", signed_on=date(2025, 1, 1), expires_on=ends)


@pytest.fixture
def noon(practice):
    return clock.local_moment(TODAY, time(12), practice.zone)


def open_ones() -> set:
    return set(WorkItem.objects.open().values_list("kind", "subject_id", "owner__role"))


def test_what_ends_within_30_days_opens_one_item_for_a_manager(practice, noon):
    MembershipFactory(role=Membership.Role.OWNER)
    MembershipFactory(role=Membership.Role.MANAGER)
    soon, over = signed("sendgrid", TODAY + timedelta(days=30)), signed("smtp", TODAY - timedelta(days=1))
    signed("twilio", TODAY + timedelta(days=31))
    signed("storage", None)
    Agreement.objects.create(party="other", name="Scans", status="none", expires_on=None)

    opened = [remind_of_agreements(practice, now=noon) for _ in range(2)]

    assert opened == [2, 0]
    assert open_ones() == {(KIND, soon.pk, "manager"), (KIND, over.pk, "manager")}


def test_a_renewed_agreement_leaves_the_inbox(practice, noon):
    row = signed("sendgrid", TODAY + timedelta(days=3))
    remind_of_agreements(practice, now=noon)
    Agreement.objects.filter(pk=row.pk).update(expires_on=TODAY + timedelta(days=400))
    remind_of_agreements(practice, now=noon)
    assert open_ones() == set()


def test_one_that_was_closed_by_hand_stays_closed_until_the_next_end(practice, noon):
    owner = MembershipFactory(role=Membership.Role.OWNER)
    row = signed("sendgrid", TODAY + timedelta(days=3))
    remind_of_agreements(practice, now=noon)
    worklist.close_item(WorkItem.objects.get(), now=noon, by=owner, outcome="ended")
    assert remind_of_agreements(practice, now=noon + timedelta(hours=1)) == 0
    Agreement.objects.filter(pk=row.pk).update(expires_on=TODAY + timedelta(days=60))
    assert remind_of_agreements(practice, now=noon + timedelta(days=40)) == 1
