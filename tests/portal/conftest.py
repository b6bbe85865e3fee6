"""A practice with a patient who has a link, and a browser of his."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import Practice
from patients import access
from patients.models import Patient, PortalLink
from prm import clock
from prm.dev import setup
from prm.tenancy import use_practice
from tests.factories.accounts import ClinicFactory, PracticeFactory
from tests.factories.patients import PatientFactory

NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)  # a Tuesday, 10 am in New York
BORN = date(1955, 3, 5)
RIGHT = {"month": "3", "day": "5", "year": "1955"}
WRONG = {"month": "4", "day": "5", "year": "1955"}


@pytest.fixture(scope="session", autouse=True)
def spanish():
    """The compiled catalogue, as `make setup` leaves it."""
    setup.messages(settings.BASE_DIR / "locale")


@pytest.fixture
def now():
    with clock.at(NOW):
        yield NOW


@dataclass
class Door:
    """A practice with one patient; no practice is open."""

    practice: Practice
    patient: Patient

    def link(self, patient=None, **changes) -> str:
        """The path of a new access link."""
        with use_practice(self.practice.pk):
            row, token = access.issue_link(
                patient or self.patient, PortalLink.LinkPurpose.ACCESS, now=clock.now(), lasts=access.ACCESS_LASTS
            )
            if changes:
                PortalLink.objects.filter(pk=row.pk).update(**changes)
        return access.link_path(self.practice, token)

    def signed_in(self, **form) -> Client:
        """A browser in which the patient has signed in."""
        client = Client()
        answer = client.post(self.link(), {**RIGHT, **form})
        assert (answer.status_code, answer["Location"]) == (302, "/portal/"), page_of(answer)
        return client

    def rows(self, model, *fields):
        """All rows of a model, as tuples."""
        with use_practice(self.practice.pk):
            return list(model.objects.order_by("pk").values_list(*fields))

    def change(self, **values):
        """Change the patient."""
        with use_practice(self.practice.pk):
            Patient.objects.filter(pk=self.patient.pk).update(**values)


def build_door(**patient) -> Door:
    practice = PracticeFactory(name="Harbor Physical Therapy")
    with use_practice(practice.pk):
        clinic = ClinicFactory(name="Eastside", address="12 Quay Street, Oakland, CA 94607")
        own = {"birth_date": BORN, "home_clinic": clinic, "email": "ruth@example.com", "phone": "+14155550134"}
        made = PatientFactory(**own | patient)
    return Door(practice, made)


@pytest.fixture
def door(db, now) -> Door:
    return build_door()


def page_of(response) -> str:
    return response.content.decode()


def words_of(response) -> str:
    """What the page says, tags left out."""
    return " ".join(re.sub(r"<[^>]+>", " ", page_of(response)).split())
