"""Practices, clinics, therapists, members."""

import factory

from accounts.models import Clinic, Membership, Practice, Therapist, User


class PracticeFactory(factory.django.DjangoModelFactory):
    """A practice in New York."""

    class Meta:
        model = Practice

    slug = factory.Sequence(lambda n: f"practice-{n}")
    name = factory.Sequence(lambda n: f"Practice {n}")
    time_zone = "America/New_York"
    languages = ["en", "es"]
    phone = "+14155550100"
    postal_address = "12 Quay Street, Oakland, CA 94607"


class ClinicFactory(factory.django.DjangoModelFactory):
    """A clinic in New York, open Monday to Friday 9-17."""

    class Meta:
        model = Clinic

    name = factory.Sequence(lambda n: f"Clinic {n}")
    time_zone = "America/New_York"
    phone = "+14155550101"


class TherapistFactory(factory.django.DjangoModelFactory):
    """A therapist."""

    class Meta:
        model = Therapist

    first_name = "Priya"
    last_name = factory.Sequence(lambda n: f"Nair{n}")
    credential = "PT"


class UserFactory(factory.django.DjangoModelFactory):
    """A person of staff."""

    class Meta:
        model = User

    email = factory.Sequence(lambda n: f"staff{n}@example.com")
    name = factory.Sequence(lambda n: f"Dana K{n}")


class MembershipFactory(factory.django.DjangoModelFactory):
    """A member; the owner unless said otherwise."""

    class Meta:
        model = Membership

    user = factory.SubFactory(UserFactory)
    role = Membership.Role.OWNER
