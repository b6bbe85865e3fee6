"""Links that lie in a mailbox or on a phone which is no longer the patient's open nothing (security.md section 2)."""

from datetime import timedelta

import pytest

from integrations import play
from patients import access
from patients.models import Patient, PortalLink
from prm.ids import uuid7
from tests.factories.integrations import FeedFactory
from tests.factories.patients import PatientFactory
from tests.integrations.messages import DAY, FIRST, NOW, Emr


def links_after(practice, change):
    """Whether a patient's access link and survey link live after a message in which the EMR changed `change`."""
    feed = FeedFactory()
    play.ingest_bytes(practice, feed, [Emr().register(FIRST)], now=NOW)
    patient = Patient.objects.get()
    for purpose in ("access", "survey"):
        access.issue_link(patient, purpose, now=NOW, lasts=timedelta(days=30), source=uuid7())
    other, _token = access.issue_link(PatientFactory(), "access", now=NOW, lasts=timedelta(days=3))
    play.ingest_bytes(practice, feed, [Emr(**change).register(FIRST + DAY)], now=NOW + timedelta(minutes=1))
    assert PortalLink.objects.get(pk=other.pk).ended_at is None
    return set(PortalLink.objects.filter(patient=patient).values_list("purpose", "ended_at"))


@pytest.mark.parametrize("change", [{"email": "new@example.com"}, {"phone": "4155550199"}, {"email": ""}])
def test_a_changed_address_ends_every_link(practice, change):
    ended = links_after(practice, change)
    if change == {"email": ""}:  # an empty field states nothing in HL7 v2: the address is as it was
        assert ended == {("access", None), ("survey", None)}
    else:
        assert ended == {("access", NOW + timedelta(minutes=1)), ("survey", NOW + timedelta(minutes=1))}


def test_another_change_leaves_the_links(practice):
    assert links_after(practice, {"given": "Ruthie"}) == {("access", None), ("survey", None)}
