"""A practice with members who are signed in, and the notices that they get."""

import pytest
from django.test import Client

from accounts import notify, people
from accounts.models import Membership, MembershipClinic
from prm.audit.models import AuditEvent
from prm.tenancy import use_practice
from tests.factories.accounts import ClinicFactory, MembershipFactory, PracticeFactory, sign_in


@pytest.fixture
def told(monkeypatch):
    """The notices that were sent: (kind, to whom, facts)."""
    sent = []
    monkeypatch.setattr(notify, "_senders", [lambda one: sent.append((one.kind, one.email, one.facts))])
    return sent


@pytest.fixture
def harbor():
    """A practice, closed."""
    return PracticeFactory(slug="harbor", name="Harbor")


def join(practice, role, *, clinics=(), **fields):
    with use_practice(practice.pk):
        member = MembershipFactory(role=role, **fields)
        MembershipClinic.objects.bulk_create(MembershipClinic(membership=member, clinic=one) for one in clinics)
    return member


def clinic(practice, name):
    with use_practice(practice.pk):
        return ClinicFactory(name=name)


def client_of(member):
    client = Client()
    sign_in(client, member.user)
    return client


def path(member, what=""):
    return f"/harbor/settings/people/{member.pk}/{what}"


def fresh(member):
    with use_practice(member.practice_id):
        return Membership.objects.get(pk=member.pk)


def seen(member):
    with use_practice(member.practice_id):
        return people.seen(Membership.objects.get(pk=member.pk))


def audited(practice, action):
    with use_practice(practice.pk):
        return [event.facts for event in AuditEvent.objects.filter(action=action).order_by("at")]
