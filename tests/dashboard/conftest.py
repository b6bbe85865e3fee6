"""A practice with a recovery case in its inbox."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Practice
from nps import answer
from nps.models import RecoveryCase, Response
from patients.models import WorkItem
from prm.tenancy import use_practice
from tests.factories.accounts import PracticeFactory, sign_in
from tests.factories.nps import InvitationFactory
from tests.factories.patients import VisitFactory
from tests.nps.conftest import NOW, consented_episode, now, set_up, staffed_clinic  # noqa: F401  (now is a fixture)


@dataclass
class Desk:
    """A practice with staff and one unhappy patient; no practice is open."""

    practice: Practice
    people: Any
    response: Response
    case: RecoveryCase
    item: WorkItem

    def path(self, what=""):
        return f"/{self.practice.slug}/inbox/{self.item.pk}/{what}"

    def fresh(self):
        """Case and item as they are now."""
        with use_practice(self.practice.pk):
            return RecoveryCase.objects.get(pk=self.case.pk), WorkItem.objects.get(pk=self.item.pk)


def make_desk(name="Harbor Physical Therapy", score=3, comment="Waited 40 minutes twice and nobody said sorry."):
    made = PracticeFactory(name=name)
    with use_practice(made.pk):
        set_up(NOW)
        clinic = staffed_clinic()
        episode = consented_episode(clinic, NOW)
        episode.planned_visits = 12
        episode.save()
        VisitFactory(episode=episode, starts_at=NOW - timedelta(days=2))
        VisitFactory(episode=episode, starts_at=NOW + timedelta(days=2), status="booked")
        invitation = InvitationFactory(episode=episode, asked_at=NOW - timedelta(hours=3))
        response = answer.answer(invitation, score, comment=comment, now=NOW - timedelta(hours=1))
        answer.allow_contact(response, "call", now=NOW - timedelta(hours=1))
        return Desk(made, clinic.people, response, response.case, WorkItem.objects.get())


@pytest.fixture
def desk(db, now):  # noqa: F811  (the fixture that is imported above)
    return make_desk()


@pytest.fixture
def as_(client, desk):
    """Sign the test client in as one of the people of the desk: `as_("lead")`."""

    def signed_in(who):
        sign_in(client, getattr(desk.people, who).user)
        return client

    return signed_in
