"""A practice that can ask and answer: consent policy, wordings, a clinic with staff."""

from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from django.conf import settings

from accounts.models import Practice
from messaging.models import OutboxMessage
from messaging.outbox.contexts import read_context
from nps import ask
from nps.models import SurveyInvitation
from nps.setup import ensure_survey
from patients import consent
from patients.models import Patient
from prm import clock
from prm.dev import setup
from prm.tenancy import use_practice
from tests.factories.accounts import ClinicFactory, MembershipFactory, PracticeFactory, TherapistFactory
from tests.factories.patients import EpisodeFactory, PatientFactory

NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)  # a Tuesday, 10 am in New York


@pytest.fixture(scope="session", autouse=True)
def spanish():
    """The compiled catalogue, as `make setup` leaves it."""
    setup.messages(settings.BASE_DIR / "locale")


@pytest.fixture
def now():
    with clock.at(NOW):
        yield NOW


@pytest.fixture
def practice(db, now):
    made = PracticeFactory(name="Harbor Physical Therapy")
    with use_practice(made.pk):
        set_up(now)
        yield made


def set_up(now):
    """What `create_practice` does for asking: the consent policy. Inside the practice."""
    consent.choose_policy("email", "care", "on_arrival", by=None, now=now)


@pytest.fixture
def clinic(practice):
    return staffed_clinic()


def staffed_clinic():
    """A clinic with a recovery lead, a manager, an owner and a therapist."""
    clinic, therapist = ClinicFactory(name="Eastside"), TherapistFactory(first_name="Priya", last_name="Nair")
    people = SimpleNamespace(
        lead=MembershipFactory(role="front_desk", user__name="Dana Kim"),
        manager=MembershipFactory(role="manager", user__name="Mo Ray"),
        owner=MembershipFactory(role="owner", user__name="Olu Wu"),
        therapist=MembershipFactory(role="therapist", therapist=therapist, user__name="Priya Nair"),
    )
    clinic.recovery_lead = people.lead
    clinic.save()
    return SimpleNamespace(row=clinic, therapist=therapist, people=people)


@pytest.fixture
def episode(clinic, now):
    return consented_episode(clinic, now)


def consented_episode(clinic, now):
    """An episode of an adult with an address and consent."""
    patient = PatientFactory(first_name="Marta", last_name="Quiles", email="marta@example.com", language="en")
    consent.arrive([patient], now=now)
    return EpisodeFactory(patient=patient, clinic=clinic.row, therapist=clinic.therapist, visit_count=2)


@dataclass
class Sent:
    """A survey link as the patient has it, and what it is about; no practice is open."""

    practice: Practice
    invitation: SurveyInvitation
    path: str

    @property
    def token(self):
        return self.path.rpartition("/")[2]

    def rows(self, *models):
        """Every row of these models, as dicts, for comparing before and after."""
        with use_practice(self.practice.pk):
            return [list(model.objects.order_by("pk").values()) for model in models]


def send_survey(name, now, **patient):
    """A practice of that name that has asked one patient."""
    made = PracticeFactory(name=name)
    with use_practice(made.pk):
        set_up(now)
        people = staffed_clinic()
        episode = consented_episode(people, now)
        Patient.objects.filter(pk=episode.patient_id).update(**patient)
        episode.patient.refresh_from_db()
        invitation = ask.invite(episode, survey=ensure_survey(made), now=now)
        message = OutboxMessage.objects.get(pk=invitation.outbox_message)
        url = read_context(message)["fields"]["links.survey"]
    return Sent(made, invitation, urlsplit(url).path)


@pytest.fixture
def sent(db, now):
    return send_survey("Harbor Physical Therapy", now)
