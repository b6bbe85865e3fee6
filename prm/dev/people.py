"""Demo staff: somebody of every role in each demo practice, with one password and codes that a page shows.

In development only: outside it these functions refuse, and the page does not exist.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.contrib.auth.hashers import make_password

from accounts import totp
from accounts.models import Membership, Practice, Therapist, TotpDevice, User
from accounts.totp import confirmed_device
from prm import clock
from prm.tenancy import use_practice

PASSWORD = "every visit attended"  # noqa: S105 -- of demo users, which exist in development only
PEOPLE = (
    ("olivia", "Olivia Grant", Membership.Role.OWNER),
    ("marco", "Marco Diaz", Membership.Role.MANAGER),
    ("priya", "Priya Nair", Membership.Role.THERAPIST),
    ("dana", "Dana Kowalski", Membership.Role.FRONT_DESK),
    ("rhea", "Rhea Lindqvist", Membership.Role.READ_ONLY),
)
SHARED = ("robin", "Robin Abara", Membership.Role.MANAGER)  # works in every demo practice: shows the switcher
SHARED_DOMAIN = "both.example"


class NotDevelopment(RuntimeError):
    """Demo users were asked for where PRM_DEVELOPMENT is off."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """How one demo user gets in, at this moment."""

    practice: Practice
    role: str
    name: str
    email: str
    password: str
    code: str
    seconds_left: int


def make_demo_staff(practice: Practice) -> list[User]:
    """Make the demo users of `practice` where they are missing; returns them all. Opens the practice itself."""
    _check_development()
    hashed = make_password(PASSWORD)
    wanted = [(f"{short}@{practice.slug}.example", name, role) for short, name, role in PEOPLE]
    short, name, role = SHARED
    wanted.append((f"{short}@{SHARED_DOMAIN}", name, role))
    return [_make(practice, email, name, role, hashed) for email, name, role in wanted]


def sign_ins(*, now: datetime | None = None) -> Iterator[SignIn]:
    """Every demo user with the code that his app would show, by practice and role."""
    _check_development()
    now = now or clock.now()
    for practice in Practice.objects.filter(suspended_at=None).order_by("slug"):
        own = {f"{short}@{practice.slug}.example" for short, _name, _role in PEOPLE} | {f"{SHARED[0]}@{SHARED_DOMAIN}"}
        with use_practice(practice.pk):
            members = list(Membership.objects.filter(user__email__in=own, ended_at=None).select_related("user"))
        for member in sorted(
            members, key=lambda member: (Membership.Role.values.index(member.role), member.user.email)
        ):
            device = confirmed_device(member.user)
            if device:
                yield SignIn(
                    practice, member.get_role_display(), member.user.name, member.user.email, PASSWORD,
                    device.code_at(now), TotpDevice.STEP - int(now.timestamp()) % TotpDevice.STEP,
                )  # fmt: skip


def _make(practice: Practice, email: str, name: str, role: str, hashed: str) -> User:
    user, _new = User.objects.get_or_create(email=email, defaults={"name": name, "password": hashed})
    if confirmed_device(user) is None:
        totp.new_device(user, confirmed=True)
    with use_practice(practice.pk):
        therapist = None
        if role == Membership.Role.THERAPIST:
            first, _sep, last = name.partition(" ")
            therapist, _new = Therapist.objects.get_or_create(
                first_name=first, last_name=last, defaults={"credential": "PT"}
            )
        Membership.objects.get_or_create(user=user, defaults={"role": role, "therapist": therapist})
    return user


def _check_development() -> None:
    if not settings.DEVELOPMENT:
        raise NotDevelopment("demo users exist in development only (PRM_DEVELOPMENT=1)")
