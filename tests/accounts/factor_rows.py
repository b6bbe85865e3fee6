"""A practice with an owner whose factors and sessions the tests of signing in look at."""

from django.test import Client

from accounts import signin
from accounts.models import Membership, Session, User
from prm import clock
from tests.accounts.conftest import join
from tests.factories.accounts import sign_in

PASSWORD = "correct horse battery"
NEW_PASSWORD = "violet tractor sings 41"


def person(practice, role=Membership.Role.OWNER, email="dana@example.com", name="Dana Kim"):
    """A member with PASSWORD; gives the membership."""
    member = join(practice, role, user__email=email, user__name=name)
    member.user.set_password(PASSWORD)
    member.user.save()
    return member


def after_password(user: User, **extra) -> Client:
    """A browser of who gave the password and owes the second factor."""
    client = Client(**extra)
    answer = client.post("/signin/", {"email": user.email, "password": PASSWORD})
    assert answer.status_code == 302, answer.status_code
    return client


def signed_in(user: User) -> Client:
    """A browser of who gave both factors."""
    client = Client()
    sign_in(client, user)
    return client


def is_in(client: Client) -> bool:
    """True where the next request of this browser is somebody's."""
    return client.get("/practices/").status_code == 200


def stale(client: Client) -> Client:
    """The same browser, its last factor eleven minutes ago."""
    session = client.session
    session[signin.PROVED_AT] = clock.now().timestamp() - 660
    session.save()
    return client


def rows_of(user: User) -> int:
    """How many sessions the person has."""
    return Session.objects.filter(user=user).count()
