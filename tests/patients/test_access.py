"""Links: only the HMAC is stored, another practice's token is unknown, ended and expired ones are dead."""

from datetime import UTC, datetime, timedelta

from patients import access
from patients.models import PortalLink
from prm.tenancy import use_practice
from tests.factories.accounts import PracticeFactory
from tests.factories.patients import PatientFactory

NOON = datetime(2026, 11, 24, 17, tzinfo=UTC)


def test_the_token_is_stored_nowhere_and_finds_its_link(practice):
    link, token = access.issue_link(PatientFactory(), "survey", now=NOON, lasts=access.SURVEY_LASTS)
    assert token not in str(PortalLink.objects.values().get())
    assert access.find_link(token, purpose="survey") == link
    assert access.find_link(token, purpose="access") is None


def test_another_practices_token_is_unknown(db):
    ours, theirs = PracticeFactory(), PracticeFactory()
    with use_practice(theirs.pk):
        _, token = access.issue_link(PatientFactory(), "survey", now=NOON, lasts=access.SURVEY_LASTS)
    with use_practice(ours.pk):
        assert access.find_link(token, purpose="survey") is None


def test_a_link_lives_until_it_expires_or_is_ended(practice):
    patient = PatientFactory()
    link, _ = access.issue_link(patient, "survey", now=NOON, lasts=timedelta(days=30))
    assert access.live(link, now=NOON + timedelta(days=29))
    assert not access.live(link, now=NOON + timedelta(days=30))
    assert access.end_links(patient, now=NOON + timedelta(days=1)) == 1
    link.refresh_from_db()
    assert not access.live(link, now=NOON + timedelta(days=2))
