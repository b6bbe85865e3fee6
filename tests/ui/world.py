"""One practice with something of everything, so that every page has something to show."""

from accounts.models import Membership, Practice, User
from prm.tenancy import use_practice
from tests.factories.accounts import ClinicFactory, MembershipFactory, PracticeFactory


def build() -> tuple[Practice, User]:
    """The practice and its owner."""
    practice = PracticeFactory(name="Harbor Physical Therapy")
    with use_practice(practice.pk):
        ClinicFactory(name="Eastside")
        owner = MembershipFactory(role=Membership.Role.OWNER).user
    return practice, owner
