"""Demo staff: somebody of every role in each demo practice, with one password and codes that a page shows.

In development only: outside it these functions refuse, and the page does not exist.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.hashers import make_password

from accounts import absence, invitations, npi, totp
from accounts.models import Clinic, Invitation, Membership, MembershipClinic, Practice, Therapist, TotpDevice, User
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
OPERATOR = ("sam@platform.example", "Sam Ortega")  # of the platform: /platform/
# The larger practice's staff besides these, with the clinic that each is limited to (daily.md §17: 22 over all roles).
MORE = {
    "demo": (
        ("henry", "Henry Adeyemi", Membership.Role.OWNER, ""),
        ("nadia", "Nadia Osei", Membership.Role.MANAGER, "Eastside"),
        ("tom", "Tom Brandt", Membership.Role.THERAPIST, "Harbor"),
        ("elena", "Elena Reyes", Membership.Role.THERAPIST, "Harbor"),
        ("kirsten", "Kirsten Olsen", Membership.Role.THERAPIST, "Eastside"),
        ("idris", "Idris Rahman", Membership.Role.THERAPIST, "Eastside"),
        ("gloria", "Gloria Vance", Membership.Role.THERAPIST, "Eastside"),
        ("rafael", "Rafael Solano", Membership.Role.THERAPIST, "North Point"),
        ("mei", "Mei Tanaka", Membership.Role.THERAPIST, "North Point"),
        ("otis", "Otis Dunne", Membership.Role.THERAPIST, "North Point"),
        ("luis", "Luis Romero", Membership.Role.FRONT_DESK, "Harbor"),
        ("amara", "Amara Nwosu", Membership.Role.FRONT_DESK, "Eastside"),
        ("joan", "Joan Whitaker", Membership.Role.FRONT_DESK, "Eastside"),
        ("petra", "Petra Novak", Membership.Role.FRONT_DESK, "North Point"),
        ("sione", "Sione Fale", Membership.Role.FRONT_DESK, "North Point"),
        ("grace", "Grace Kim", Membership.Role.READ_ONLY, ""),
    ),
}  # fmt: skip
AWAY = {"demo": (("kirsten", "idris", 0, 9), ("luis", "dana", 12, 16))}  # who, cover, first and last day from today
INVITED = {"demo": ("noor.haddad", Membership.Role.THERAPIST, "North Point")}
SPEAK = {"Reyes": ["en", "es"], "Solano": ["en", "es"], "Tanaka": ["en"], "Nair": ["en", "hi"]}
SUPERVISED = {"Vance": "Olsen"}  # an assistant, and who signs
NINE_DIGITS = 155_501_000  # of made-up NPIs; the tenth is found


class NotDevelopment(RuntimeError):
    """Demo users were asked for where PRM_DEVELOPMENT is off."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """How one demo user gets in, at this moment."""

    practice: Practice | None  # None: of the platform
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
    email, name = OPERATOR
    operator, _new = User.objects.get_or_create(
        email=email, defaults={"name": name, "password": hashed, "is_platform_operator": True}
    )
    if confirmed_device(operator) is None:
        totp.new_device(operator, confirmed=True)
    return [_make(practice, email, name, role, hashed) for email, name, role in wanted]


def complete_demo_staff(practice: Practice, *, now: datetime) -> None:
    """The rest of a demo practice's staff, their clinics and profiles, who is away and who is invited now.

    After the clinics are there; nothing that is there already is made again. Opens the practice itself.
    """
    _check_development()
    hashed = make_password(PASSWORD)
    for short, name, role, clinic in MORE.get(practice.slug, ()):
        user = _make(practice, f"{short}@{practice.slug}.example", name, role, hashed)
        with use_practice(practice.pk):
            member, place = Membership.objects.get(user=user), Clinic.objects.filter(name=clinic).first()
            if place is not None:
                MembershipClinic.objects.get_or_create(membership=member, clinic=place)
    with use_practice(practice.pk):
        if practice.slug in MORE:
            _fill_profiles()
        _send_away(practice, now)
        _invite(practice, now)


def _fill_profiles() -> None:
    """What a claim needs of each therapist whom the practice itself named."""
    known = {one.last_name: one for one in Therapist.objects.filter(named=True).order_by("last_name")}
    for number, (last, one) in enumerate(known.items()):
        if one.npi:
            continue
        nine = str(NINE_DIGITS + number)
        one.npi = next(nine + digit for digit in "0123456789" if npi.is_valid(nine + digit))
        one.languages, one.work_days = SPEAK.get(last, ["en"]), ["Mon", "Tue", "Wed", "Thu", "Fri"]
        one.licence_number, one.licence_state = f"PT {40_100 + number}", "CA"
        one.supervisor = known.get(SUPERVISED.get(last, ""))
        one.save()


def _send_away(practice: Practice, now: datetime) -> None:
    """Absences from today on, where the person has none that is not over."""
    members = {one.user.email.partition("@")[0]: one for one in Membership.objects.select_related("user")}
    day = absence.today(now)
    for who, cover, first, last in AWAY.get(practice.slug, ()):
        if not absence.coming(members[who], now).exists():
            absence.plan(
                members[who], starts_on=day + timedelta(days=first), ends_on=day + timedelta(days=last),
                cover=members[cover],
            )  # fmt: skip


def _invite(practice: Practice, now: datetime) -> None:
    """One open invitation; an expired one is sent again."""
    if practice.slug not in INVITED:
        return
    short, role, clinic = INVITED[practice.slug]
    email = f"{short}@{practice.slug}.example"
    owner = Membership.objects.select_related("user").filter(role=Membership.Role.OWNER).order_by("pk")[0]
    found = Invitation.objects.filter(email=email).order_by("-created_at").first()
    if found is None:
        places = Clinic.objects.filter(name=clinic)
        invitations.invite(practice, email, role, by=owner, clinics=places, now=now)
    elif found.state == Invitation.State.OPEN and found.expires_at <= now:
        invitations.renew(practice, found, by=owner, now=now)


def sign_ins(*, now: datetime | None = None) -> Iterator[SignIn]:
    """Every demo user with the code that his app would show, by practice and role."""
    _check_development()
    now = now or clock.now()
    for practice in Practice.objects.filter(suspended_at=None).order_by("slug"):
        shorts = [short for short, *_rest in (*PEOPLE, *MORE.get(practice.slug, ()))]
        own = {f"{short}@{practice.slug}.example" for short in shorts} | {f"{SHARED[0]}@{SHARED_DOMAIN}"}
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


def operator(*, now: datetime | None = None) -> SignIn | None:
    """The demo's operator of the platform; None where no demo was loaded."""
    _check_development()
    now = now or clock.now()
    person = User.objects.filter(email=OPERATOR[0], is_platform_operator=True).first()
    device = person and confirmed_device(person)
    if not person or not device:
        return None
    left = TotpDevice.STEP - int(now.timestamp()) % TotpDevice.STEP
    return SignIn(None, "Platform operator", person.name, person.email, PASSWORD, device.code_at(now), left)


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
