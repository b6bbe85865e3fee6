"""How a patient comes in without a password: links, the devices they sign in, and tries at the birth date."""

from datetime import datetime

from django.db import models
from django.db.models import Q

from patients.models.people import Patient
from prm import clock
from prm.tenancy.models import PracticeForeignKey, PracticeManager, PracticeModel, PracticeQuerySet
from prm.tenancy.walls import SamePractice


class PortalLinkQuerySet(PracticeQuerySet):
    """Questions about links."""

    def live(self, now: datetime) -> "PortalLinkQuerySet":
        """Neither ended nor expired at `now` (aware)."""
        return self.filter(ended_at=None, expires_at__gt=now)

    def for_access(self) -> "PortalLinkQuerySet":
        """Those that sign a patient in and that nobody has used yet."""
        return self.filter(purpose=PortalLink.LinkPurpose.ACCESS, used_at=None)


class PortalLink(PracticeModel):
    """A link in a message. The token itself is never stored, only its HMAC (security.md §2)."""

    class LinkPurpose(models.TextChoices):
        ACCESS = "access", "Access"
        SURVEY = "survey", "Survey"
        VISIT = "visit", "Visit"
        CHECK_IN = "check_in", "Check-in"

    patient = PracticeForeignKey(Patient, models.CASCADE, related_name="links")
    purpose = models.CharField(max_length=8, choices=LinkPurpose)
    source = models.UUIDField(null=True, blank=True)  # what the link is about, such as a survey invitation
    token_hash = models.CharField(max_length=64)
    issued_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)  # of an access link: it signs in once
    ended_at = models.DateTimeField(null=True, blank=True)
    wrong_tries = models.PositiveSmallIntegerField(default=0)

    objects = PracticeManager.from_queryset(PortalLinkQuerySet)()

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(fields=["token_hash"], name="patients_portallink_token"),
            SamePractice(field="patient", name="patients_portallink_patient_same_practice"),
        ]
        indexes = [models.Index(fields=["practice", "patient"], name="patients_portallink_patient")]

    def __str__(self) -> str:
        return f"{self.purpose} link {self.pk}"


class PortalSession(PracticeModel):
    """One device on which a patient is signed in, or may be again after a short re-check (`own_device`).

    `checked_at`: when the birth date was last given, in whole or in part: eight hours are counted from it.
    """

    class Ended(models.TextChoices):
        SIGNED_OUT = "signed_out", "Signed out"
        REPLACED = "replaced", "Another person signed in"
        BY_PATIENT = "by_patient", "Ended by the patient"
        BY_STAFF = "by_staff", "Ended by staff"
        LOCKED = "locked", "Too many wrong birth dates"
        NOT_LIVING = "not_living", "Merged, archived or deceased"

    patient = PracticeForeignKey(Patient, models.CASCADE, related_name="portal_sessions")
    token_hash = models.CharField(max_length=64)
    device = models.CharField(max_length=60, blank=True)  # browser and system, such as “Chrome, Android”
    own_device = models.BooleanField(default=False)
    started_at = models.DateTimeField()
    checked_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    expires_at = models.DateTimeField()  # of the device: 30 days on the patient's own, else eight hours
    wrong_tries = models.PositiveSmallIntegerField(default=0)  # at the re-check that is due
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_why = models.CharField(max_length=10, choices=Ended, blank=True)

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(fields=["token_hash"], name="patients_portalsession_token"),
            models.CheckConstraint(
                name="patients_portalsession_ended_has_reason",
                condition=Q(ended_at=None, ended_why="") | (Q(ended_at__isnull=False) & ~Q(ended_why="")),
            ),
            SamePractice(field="patient", name="patients_portalsession_patient_same_practice"),
        ]
        indexes = [models.Index(fields=["practice", "patient"], name="patients_portalsession_patient")]

    def __str__(self) -> str:
        return f"portal session {self.pk}"


class BirthDateTry(PracticeModel):
    """One try at a patient's birth date; written as wrong before it is checked, so that racing tries all count."""

    patient = PracticeForeignKey(Patient, models.CASCADE, related_name="+")
    at = models.DateTimeField()
    right = models.BooleanField(default=False)

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            SamePractice(field="patient", name="patients_birthdatetry_patient_same_practice"),
        ]
        indexes = [models.Index(fields=["practice", "patient", "at"], name="patients_birthdatetry_patient")]

    def __str__(self) -> str:
        return f"try {self.at:%Y-%m-%d %H:%M} {'right' if self.right else 'wrong'}"
