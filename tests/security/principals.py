"""The people of the matrix (I7): who they are, and how they come to their session. A new one is one line in PRINCIPALS.

A patient's helper comes with the feature that lets him in: a function that makes his client, a line, and his letter in
tests/security/matrix.py.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

from django.test import Client

from accounts import support
from accounts.models import Clinic, Membership, MembershipClinic, Practice
from patients import access, sessions
from patients.models import Patient, PortalLink
from prm import clock
from prm.tenancy import use_practice
from tests.factories.accounts import (
    ClinicFactory,
    MembershipFactory,
    PracticeFactory,
    UserFactory,
    sign_in,
    staff_client,
)
from tests.factories.nps import InvitationFactory
from tests.factories.patients import EpisodeFactory, PatientFactory
from tests.security.matrix import ROLES


@dataclass(frozen=True, slots=True)
class Principal:
    """One kind of person. `letter`: in the rows' `who`; small letters are colleagues of narrower sight."""

    letter: str
    name: str
    client: Callable[[Practice], Client]
    state: Callable[[Practice], AbstractContextManager[None]] = nullcontext  # what holds while this person asks

    @property
    def role(self) -> str:
        """The capital letter of a member's role; "" for who is no member. Support has a manager's eyes."""
        return "M" if self.letter == "G" else self.letter.upper() if self.letter.upper() in ROLES else ""

    @property
    def is_narrow(self) -> bool:
        """Sees other patients than those of the examples."""
        return self.letter.islower()


def member(letter: str) -> Callable[[Practice], Client]:
    """A member in that role, of all clinics."""
    return lambda practice: staff_client(practice, ROLES[letter])


def manager_elsewhere(practice: Practice) -> Client:
    """A manager of another clinic than the one where every patient of the examples is treated."""
    with use_practice(practice.pk):
        membership = MembershipFactory(role=Membership.Role.MANAGER)
        MembershipClinic.objects.create(membership=membership, clinic=ClinicFactory(name="Westside"))
    return _signed_in(membership.user)


def therapist_with_his_own(practice: Practice) -> Client:
    """A therapist who treats nobody of the examples; asked while therapists see their own only."""
    return staff_client(practice, Membership.Role.THERAPIST)


@contextmanager
def seeing_their_own(practice: Practice) -> Iterator[None]:
    """The owner has chosen that therapists see their own patients only."""
    chosen = Practice.objects.filter(pk=practice.pk)
    chosen.update(therapists_see=Practice.TherapistsSee.OWN)
    yield
    chosen.update(therapists_see=Practice.TherapistsSee.ALL)


@contextmanager
def under_a_grant(practice: Practice) -> Iterator[None]:
    """The owner lets support look in with a manager's eyes."""
    now = clock.now()
    with use_practice(practice.pk):
        given = support.grant(
            practice, sees_as=Membership.Role.MANAGER, hours=1, reason="A feed is silent", by=UserFactory(), now=now
        )
    yield
    with use_practice(practice.pk):
        support.end(given, by=given.granted_by, now=now)


def owner_of_another(practice: Practice) -> Client:
    """The owner of another practice."""
    return staff_client(PracticeFactory(), Membership.Role.OWNER)


def operator(practice: Practice) -> Client:
    """An operator of the platform, who is no member of any practice."""
    return _signed_in(UserFactory(is_platform_operator=True))


def nobody(practice: Practice) -> Client:
    """Without a session."""
    return Client()


def patient_of(whose: Callable[[Practice], Practice]) -> Callable[[Practice], Client]:
    """A patient who is signed in on his phone and came by his own survey link, with the cookies of both."""

    def client(practice: Practice) -> Client:
        made, theirs = Client(), whose(practice)
        with use_practice(theirs.pk):
            path = _survey_link(theirs)
            _session, token = sessions.start(PatientFactory(), own_device=True, device="", now=clock.now())
        made.cookies[sessions.COOKIE] = sessions.cookie_of(theirs, token)
        assert made.get(path).status_code == 200
        return made

    return client


def another(practice: Practice) -> Practice:
    """A practice with one patient."""
    return PracticeFactory()


def treat_everyone_at(clinic: Clinic) -> None:
    """Give each patient without an episode one at `clinic`, so that none is seen for want of a clinic."""
    for patient in Patient.objects.filter(episodes=None, merged_into=None):
        EpisodeFactory(patient=patient, clinic=clinic)


def _signed_in(user: object) -> Client:
    client = Client()
    sign_in(client, user)  # type: ignore[arg-type]
    return client


def _survey_link(practice: Practice) -> str:
    invitation = InvitationFactory()
    _link, token = access.issue_link(
        invitation.patient, PortalLink.LinkPurpose.SURVEY, now=clock.now(), lasts=access.SURVEY_LASTS,
        source=invitation.pk,
    )  # fmt: skip
    return access.link_path(practice, token)


PRINCIPALS = [
    *(Principal(letter, name, member(letter)) for letter, name in ROLES.items()),
    Principal("m", "manager of another clinic", manager_elsewhere),
    Principal("t", "therapist who sees his own only", therapist_with_his_own, seeing_their_own),
    Principal("P", "patient", patient_of(lambda practice: practice)),
    Principal("Q", "patient of another practice", patient_of(another)),
    Principal("X", "owner of another practice", owner_of_another),
    Principal("S", "operator of the platform", operator),
    Principal("G", "support under a grant", operator, under_a_grant),
    Principal("A", "nobody", nobody),
]
