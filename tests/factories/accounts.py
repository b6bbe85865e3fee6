"""Practices, clinics, therapists, members."""

import factory
from django.test import Client
from django_otp import DEVICE_ID_SESSION_KEY

from accounts import signin, totp
from accounts.models import Clinic, Membership, Practice, Therapist, TotpDevice, User
from prm import clock
from prm.tenancy import use_practice


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


def sign_in(client: Client, user: User) -> TotpDevice:
    """Sign `user` in on the test client as the pages would, with a confirmed authenticator app; returns the app."""
    device = TotpDevice.objects.filter(user=user).first() or totp.new_device(user, confirmed=True)
    client.force_login(user)
    now = clock.now().timestamp()
    session = client.session
    session[DEVICE_ID_SESSION_KEY] = device.persistent_id
    moments = dict.fromkeys([signin.SIGNED_IN_AT, signin.SEEN_AT, signin.PROVED_AT], now)
    session.update(moments | {signin.FACTORS: ["password", "totp"]})
    session.save()
    return device


def staff_client(practice: Practice, role: str = Membership.Role.OWNER) -> Client:
    """A test client of a new member of `practice`, signed in. Opens the practice itself."""
    client = Client()
    with use_practice(practice.pk):
        sign_in(client, MembershipFactory(role=role).user)
    return client
