"""Patients, episodes, visits."""

from datetime import UTC, datetime

import factory

from patients.models import Episode, Patient, Visit
from patients.models.people import search_form
from tests.factories.accounts import ClinicFactory, TherapistFactory


class PatientFactory(factory.django.DjangoModelFactory):
    """A living patient with an address of each kind."""

    class Meta:
        model = Patient

    first_name = "Ruth"
    last_name = factory.Sequence(lambda n: f"Abara{n}")
    search_name = factory.LazyAttribute(lambda p: search_form(p.last_name, p.first_name))
    birth_date = datetime(1955, 3, 3, tzinfo=UTC).date()
    email = factory.Sequence(lambda n: f"ruth{n}@example.com")
    phone = factory.Sequence(lambda n: f"+1415555{n % 10000:04d}")


class EpisodeFactory(factory.django.DjangoModelFactory):
    """An active episode, live since 2020."""

    class Meta:
        model = Episode

    patient = factory.SubFactory(PatientFactory)
    clinic = factory.SubFactory(ClinicFactory)
    therapist = factory.SubFactory(TherapistFactory)
    source_key = factory.Sequence(lambda n: f"test:{n}")
    status = Episode.Status.ACTIVE
    opened_at = datetime(2026, 9, 1, 14, tzinfo=UTC)
    live_from = datetime(2020, 1, 1, tzinfo=UTC)


class VisitFactory(factory.django.DjangoModelFactory):
    """A completed visit of an episode."""

    class Meta:
        model = Visit

    episode = factory.SubFactory(EpisodeFactory)
    patient = factory.SelfAttribute("episode.patient")
    clinic = factory.SelfAttribute("episode.clinic")
    therapist = factory.SelfAttribute("episode.therapist")
    source_key = factory.Sequence(lambda n: f"test-visit:{n}")
    status = Visit.Status.COMPLETED
    starts_at = datetime(2026, 9, 8, 14, tzinfo=UTC)
