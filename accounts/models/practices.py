"""The tenant and its locations."""

import re
from datetime import datetime, time
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from prm import clock, ids
from prm.tenancy.models import DatabaseUuid7, PracticeForeignKey, PracticeModel
from prm.tenancy.walls import SamePractice

TEXTS_OPEN, TEXTS_CLOSE = time(8), time(20)  # the law's window (messaging.md §5 step 8): narrower may be, wider never
MOST_A_DAY, MOST_A_WEEK = 3, 7  # what a practice may raise the caps to; the defaults are 1 and 3

# First words of our own addresses, and the portal's pages (daily.md §4); a test holds them against the resolver.
RESERVED_WORDS = frozenset({
    "api", "appearance", "csp-report", "dev", "help", "hooks", "invite", "join", "livez", "media", "metrics",
    "platform", "portal", "practices", "r", "readyz", "signin", "signout", "signup", "static",
    "check", "checkin", "devices", "exercises", "hep", "link", "messages", "my-data", "people", "preferences",
    "privacy", "read", "sample", "sign-out", "survey", "visit",
})  # fmt: skip


SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
SLUG_WORDS = "small letters, digits and single hyphens, such as harbor-pt"


def check_zone(name: str) -> None:
    """Refuse what is no IANA time zone."""
    if name not in available_timezones():
        raise ValidationError(f"“{name}” is not a time zone (expected a name such as America/New_York)")


def check_slug(slug: str) -> None:
    """Refuse other signs than small letters, digits, hyphens, and words that our URLs use themselves (daily.md §4)."""
    if not SLUG.fullmatch(slug):
        raise ValidationError(f"“{slug}” cannot stand in an address. Use {SLUG_WORDS}.", code="shape")
    if slug.lower() in RESERVED_WORDS:
        raise ValidationError(f"“{slug}” is a word of our own addresses; choose another one")


class Practice(models.Model):
    """The tenant. A directory row without PHI, readable before a practice is set: URLs are resolved by it."""

    class ReviewMode(models.TextChoices):
        EVERYONE = "everyone", _("Everyone who answers")
        PROMOTERS_ONLY = "promoters_only", _("Promoters only")
        OFF = "off", _("Nobody")

    class TherapistsSee(models.TextChoices):
        ALL = "all", _("The practice's patients")
        OWN = "own", _("Their own patients")

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
    idle_minutes = models.PositiveSmallIntegerField(default=15, db_default=15)  # until staff are signed out
    therapists_see = models.CharField(max_length=3, choices=TherapistsSee, default=TherapistsSee.ALL, db_default="all")
    logo = models.CharField(max_length=64, blank=True, db_default="", editable=False)  # SHA-256 of a `Logo`
    door_indexable = models.BooleanField(default=False, db_default=False)  # for search engines
    texts_open = models.TimeField(default=TEXTS_OPEN, db_default=TEXTS_OPEN)  # wall time where the patient is
    texts_close = models.TimeField(default=TEXTS_CLOSE, db_default=TEXTS_CLOSE)
    emails_open = models.TimeField(null=True, blank=True)  # None: e-mail leaves at any hour
    emails_close = models.TimeField(null=True, blank=True)
    cap_day = models.PositiveSmallIntegerField(default=1, db_default=1)  # a patient and channel, over all rules
    cap_week = models.PositiveSmallIntegerField(default=3, db_default=3)  # in seven days in a row
    keep_raw_months = models.PositiveSmallIntegerField(default=13, db_default=13)  # choices: accounts/retention.py
    keep_bodies_months = models.PositiveSmallIntegerField(default=13, db_default=13)
    version = models.PositiveIntegerField(default=1, db_default=1, editable=False)  # one more with each change
    suspended_at = models.DateTimeField(null=True, blank=True)  # nothing leaves, the staff may only read
    suspended_for = models.CharField(max_length=120, blank=True)  # the reason, as the staff read it
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(name="accounts_practice_idle", condition=models.Q(idle_minutes__range=(5, 30))),
            models.CheckConstraint(
                name="accounts_practice_texts_within_the_law",
                condition=Q(texts_open__gte=TEXTS_OPEN, texts_close__lte=TEXTS_CLOSE, texts_open__lt=F("texts_close")),
            ),
            models.CheckConstraint(
                name="accounts_practice_emails_window",
                condition=Q(emails_open=None, emails_close=None) | Q(emails_open__lt=F("emails_close")),
            ),
            models.CheckConstraint(
                name="accounts_practice_caps",
                condition=Q(
                    cap_day__range=(1, MOST_A_DAY), cap_week__range=(1, MOST_A_WEEK), cap_day__lte=F("cap_week")
                ),
            ),
        ]

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
    closed_at = models.DateTimeField(null=True, blank=True)  # closed for good; its episodes and figures stay
    version = models.PositiveIntegerField(default=1, db_default=1, editable=False)  # one more with each change

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
    def booking_host(self) -> str:
        """The host to which patients are led for booking; empty without a booking page."""
        return urlsplit(self.booking_url).hostname or ""

    @property
    def display_name(self) -> str:
        """The name that messages may carry."""
        return self.message_name or self.name

    def business_time(self, start: datetime, minutes: int) -> datetime:
        """The moment (UTC) after `minutes` of this clinic's opening time from `start` (aware)."""
        return clock.add_business_time(start, minutes, self.hours or clock.NINE_TO_FIVE, self.holidays, self.zone)
