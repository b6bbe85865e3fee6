"""Practices, clinics, therapists, and the people who work there."""

import secrets
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _
from django_otp.models import Device, ThrottlingMixin, VerifyNotAllowed
from django_otp.oath import hotp

from prm import clock, crypto, ids
from prm.tenancy.models import DatabaseUuid7, PracticeForeignKey, PracticeModel
from prm.tenancy.walls import SamePractice

# First words of our own addresses, and the portal's pages (daily.md §4); a test holds them against the resolver.
RESERVED_WORDS = frozenset({
    "api", "appearance", "csp-report", "dev", "help", "hooks", "invite", "livez", "media", "metrics", "platform",
    "portal", "practices", "r", "readyz", "signin", "signout", "signup", "static",
    "checkin", "exercises", "hep", "messages", "people", "preferences", "read", "survey", "visit",
})  # fmt: skip


def check_zone(name: str) -> None:
    """Refuse what is no IANA time zone."""
    if name not in available_timezones():
        raise ValidationError(f"“{name}” is not a time zone (expected a name such as America/New_York)")


def check_slug(slug: str) -> None:
    """Refuse words that our URLs use themselves (daily.md §4)."""
    if slug.lower() in RESERVED_WORDS:
        raise ValidationError(f"“{slug}” is a word of our own addresses; choose another one")


class UserManager(BaseUserManager["User"]):
    """Finds and makes users by e-mail."""

    def create_user(self, email: str, name: str, password: str | None = None, **fields: Any) -> "User":
        """A new user; without a password he cannot sign in until he sets one."""
        user = self.model(email=self.normalise(email), name=name, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        """The user of an e-mail address, whatever its case. User.DoesNotExist."""
        return self.get(email=self.normalise(username or ""))

    @staticmethod
    def normalise(email: str) -> str:
        """Lower case without surrounding space: how addresses are stored and compared."""
        return email.strip().lower()


class User(AbstractBaseUser):
    """A person who signs in as staff; global, since one person may work for several practices."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, db_default=DatabaseUuid7(), editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120)
    is_active = models.BooleanField(default=True)
    is_platform_operator = models.BooleanField(default=False)
    language = models.CharField(max_length=5, default="en")
    created_at = models.DateTimeField(default=clock.now)

    objects = UserManager()

    USERNAME_FIELD = EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def short_name(self) -> str:
        """“Dana K.”: as colleagues see it in lists."""
        first, _sep, rest = self.name.partition(" ")
        return f"{first} {rest[0]}." if rest else first


class Practice(models.Model):
    """The tenant. A directory row without PHI, readable before a practice is set: URLs are resolved by it."""

    class ReviewMode(models.TextChoices):
        EVERYONE = "everyone", _("Everyone who answers")
        PROMOTERS_ONLY = "promoters_only", _("Promoters only")
        OFF = "off", _("Nobody")

    id = models.UUIDField(primary_key=True, default=ids.uuid7, db_default=DatabaseUuid7(), editable=False)
    slug = models.SlugField(max_length=60, unique=True, validators=[check_slug])
    public_id = models.CharField(max_length=10, unique=True, default=ids.public_id, editable=False)
    name = models.CharField(max_length=120)
    time_zone = models.CharField(max_length=64, validators=[check_zone])
    languages = models.JSONField(default=list)  # of "en", "es"; empty means English only
    phone = models.CharField(max_length=20, blank=True)  # E.164
    postal_address = models.CharField(max_length=240, blank=True)
    brand_colour = models.CharField(max_length=7, default="#195949")
    icon = models.CharField(max_length=40, default="waypoints")  # a lucide name, shown where there is no logo
    review_mode = models.CharField(max_length=16, choices=ReviewMode, default=ReviewMode.EVERYONE)
    suspended_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        """The practice's time zone."""
        return ZoneInfo(self.time_zone)


class Clinic(PracticeModel):
    """One location of a practice. A placeholder (`named` false) was made by a feed that knew only an id."""

    name = models.CharField(max_length=120)
    message_name = models.CharField(max_length=120, blank=True)  # for messages, where the name would tell a diagnosis
    time_zone = models.CharField(max_length=64, validators=[check_zone])
    phone = models.CharField(max_length=20, blank=True)
    address = models.CharField(max_length=240, blank=True)
    hours = models.JSONField(default=dict, blank=True)  # {"Mon": [["08:00", "12:00"], …]}; empty means Mon-Fri 9-17
    holidays = models.JSONField(default=list, blank=True)  # closed days, ISO dates
    booking_url = models.URLField(blank=True)
    named = models.BooleanField(default=True)
    recovery_lead = PracticeForeignKey("Membership", models.PROTECT, null=True, blank=True, related_name="+")

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            SamePractice(field="recovery_lead", name="accounts_clinic_recovery_lead_same_practice"),
        ]
        indexes = [models.Index(fields=["practice", "name"], name="accounts_clinic_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        """The clinic's time zone."""
        return ZoneInfo(self.time_zone)

    @property
    def display_name(self) -> str:
        """The name that messages may carry."""
        return self.message_name or self.name

    def business_time(self, start: datetime, minutes: int) -> datetime:
        """The moment (UTC) after `minutes` of this clinic's opening time from `start` (aware)."""
        return clock.add_business_time(start, minutes, self.hours or clock.NINE_TO_FIVE, self.holidays, self.zone)


class Therapist(PracticeModel):
    """A treating therapist, with or without a user of his own; a placeholder has `named` false."""

    first_name = models.CharField(max_length=80, blank=True)
    last_name = models.CharField(max_length=80, blank=True)
    credential = models.CharField(max_length=8, blank=True)  # PT, PTA, OT, OTA, SLP, ATC
    npi = models.CharField(max_length=10, blank=True)
    named = models.BooleanField(default=True)

    class Meta(PracticeModel.Meta):
        indexes = [models.Index(fields=["practice", "last_name"], name="accounts_therapist_name")]

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or "Therapist without a name"

    @property
    def short_name(self) -> str:
        """“Priya N.”: as lists show it."""
        return f"{self.first_name} {self.last_name[:1]}.".strip() if self.last_name else str(self)


class Membership(PracticeModel):
    """A user's place in a practice: role, clinics (none means all), therapist profile."""

    class Role(models.TextChoices):
        OWNER = "owner", _("Owner")
        MANAGER = "manager", _("Manager")
        THERAPIST = "therapist", _("Therapist")
        FRONT_DESK = "front_desk", _("Front desk")
        READ_ONLY = "read_only", _("Read only")

    user = models.ForeignKey(User, models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=12, choices=Role)
    clinics = models.ManyToManyField(Clinic, through="MembershipClinic", related_name="+")
    therapist = PracticeForeignKey(Therapist, models.PROTECT, null=True, blank=True, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(fields=["practice", "user"], name="accounts_membership_one_a_user"),
            SamePractice(field="therapist", name="accounts_membership_therapist_same_practice"),
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.pk}"


class MembershipClinic(PracticeModel):
    """One clinic that a member is limited to."""

    membership = PracticeForeignKey(Membership, models.CASCADE, related_name="clinic_links")
    clinic = PracticeForeignKey(Clinic, models.CASCADE, related_name="+")

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(fields=["practice", "membership", "clinic"], name="accounts_membershipclinic_once"),
            SamePractice(field="membership", name="accounts_membershipclinic_membership_same_practice"),
            SamePractice(field="clinic", name="accounts_membershipclinic_clinic_same_practice"),
        ]

    def __str__(self) -> str:
        return f"{self.membership_id} at {self.clinic_id}"


class TotpDevice(ThrottlingMixin, Device):
    """An authenticator app (RFC 6238: SHA-1, 30 s, 6 digits). Global as its user is; the key is encrypted for him.

    `last_t`: the time step of the newest accepted code; none of that step or before is accepted again.
    """

    STEP = 30  # seconds
    TOLERANCE = 1  # steps that a phone's clock may be off, either way
    WAIT = 1  # seconds after the first wrong code, doubled with each further one

    sealed_key = models.BinaryField()
    last_t = models.BigIntegerField(default=-1)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="accounts_totpdevice_name")]

    def __str__(self) -> str:
        return f"{self.name} {self.pk}"

    @property
    def key(self) -> bytes:
        """The shared secret. CannotDecrypt where the row was moved to another user."""
        return crypto.decrypt(self.sealed_key, **self._place())

    @key.setter
    def key(self, secret: bytes) -> None:
        self.sealed_key = crypto.encrypt(secret, **self._place())

    def code_at(self, moment: datetime) -> str:
        """The six digits that the app shows at `moment` (aware)."""
        return f"{hotp(self.key, self._step(moment)):06d}"

    def verify_is_allowed(self) -> tuple[bool, dict[str, Any] | None]:
        """False with `locked_until` while the wait after wrong codes lasts (1 s, 2 s, 4 s …)."""
        if self.throttling_failure_count and self.throttling_failure_timestamp:
            wait = timedelta(seconds=self.WAIT * 2 ** min(self.throttling_failure_count - 1, 20))
            until = self.throttling_failure_timestamp + wait
            if clock.now() < until:
                return False, {"reason": VerifyNotAllowed.N_FAILED_ATTEMPTS, "locked_until": until}
        return True, None

    def verify_token(self, token: str) -> bool:
        """True for a code of now (one step of tolerance) that is newer than any accepted before; it is then spent.

        Spent by one UPDATE with the old state in its condition, so that of two requests with one code only one passes.
        """
        if not self.verify_is_allowed()[0]:
            return False
        step = self._matching_step(token)
        if step is None:
            TotpDevice.objects.filter(pk=self.pk).update(
                throttling_failure_timestamp=clock.now(),
                throttling_failure_count=models.F("throttling_failure_count") + 1,
            )
            self.refresh_from_db()
            return False
        return bool(
            TotpDevice.objects.filter(pk=self.pk, last_t__lt=step).update(
                last_t=step, last_used_at=clock.now(), throttling_failure_count=0, throttling_failure_timestamp=None
            )
        )

    def _matching_step(self, token: str) -> int | None:
        now, key, found = self._step(clock.now()), self.key, None
        for step in range(now - self.TOLERANCE, now + self.TOLERANCE + 1):
            if secrets.compare_digest(f"{hotp(key, step):06d}".encode(), token.encode()) and step > self.last_t:
                found = step
        return found

    def _step(self, moment: datetime) -> int:
        return int(moment.timestamp()) // self.STEP

    def _place(self) -> dict[str, Any]:
        return {"practice_id": None, "table": self._meta.db_table, "row": self.user_id, "column": "sealed_key"}


class SignInAttempt(models.Model):
    """One guess at a password or a code; written as failed before it is checked, so that racing guesses all count."""

    class Step(models.TextChoices):
        PASSWORD = "password", _("Password")
        CODE = "code", _("Code")

    id = models.UUIDField(primary_key=True, default=ids.uuid7, db_default=DatabaseUuid7(), editable=False)
    at = models.DateTimeField()
    account = models.CharField(max_length=64)  # HMAC of the e-mail typed: people type passwords there
    address = models.GenericIPAddressField(null=True)
    step = models.CharField(max_length=8, choices=Step)
    passed = models.BooleanField(default=False)

    class Meta:
        indexes = [
            models.Index(fields=["account", "at"], name="accounts_signin_account"),
            models.Index(fields=["address", "at"], name="accounts_signin_address"),
        ]

    def __str__(self) -> str:
        return f"{self.step} {self.at:%Y-%m-%d %H:%M} {'passed' if self.passed else 'failed'}"
