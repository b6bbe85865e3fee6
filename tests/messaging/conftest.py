"""A practice with a template and a patient who may be written to."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from accounts.models import Practice
from messaging.models import Template, TemplateVersion
from patients import consent
from patients.models import Patient
from prm.tenancy import use_practice
from tests.factories.accounts import PracticeFactory
from tests.factories.patients import PatientFactory

NOON = datetime(2026, 11, 24, 17, tzinfo=UTC)  # noon in New York


@pytest.fixture
def practice(db: None) -> Iterator[Practice]:
    """A practice, open."""
    practice = PracticeFactory()
    with use_practice(practice.pk):
        yield practice


@pytest.fixture
def patient(practice: Practice) -> Patient:
    """A patient with consent to care by e-mail and by text."""
    return consenting()


def consenting(**fields: object) -> Patient:
    """A patient with consent to care by e-mail and by text."""
    patient = PatientFactory(**fields)
    for channel in ("email", "sms"):
        consent.state(patient, channel, "care", granted=True, how="patient", now=datetime(2026, 1, 1, tzinfo=UTC))
    return patient


@pytest.fixture
def version(practice: Practice) -> TemplateVersion:
    """A wording of the survey in English."""
    return make_version()


def make_version(**fields: object) -> TemplateVersion:
    """A version of a template of its own."""
    template = Template.objects.create(
        **{
            "key": f"survey-{Template.objects.count()}",
            "name": "Survey",
            "channel": "email",
            "topic": "surveys",
            **fields,
        }
    )
    compiled = {
        "en": {"subject": "One question", "preheader": "", "html": "<p>Hi</p>", "text": "Hi {{ links.survey }}"}
    }
    return TemplateVersion.objects.create(
        template=template, number=1, content={"v": 1, "lang": {}}, compiled=compiled, fields=["links.survey"],
        content_hash="x",
    )  # fmt: skip
