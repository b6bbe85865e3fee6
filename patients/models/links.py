"""Links that let a patient answer or come in without a password."""

from django.db import models

from patients.models.people import Patient
from prm import clock
from prm.tenancy.models import PracticeForeignKey, PracticeModel
from prm.tenancy.walls import SamePractice


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
    used_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    wrong_tries = models.PositiveSmallIntegerField(default=0)

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(fields=["token_hash"], name="patients_portallink_token"),
            SamePractice(field="patient", name="patients_portallink_patient_same_practice"),
        ]
        indexes = [models.Index(fields=["practice", "patient"], name="patients_portallink_patient")]

    def __str__(self) -> str:
        return f"{self.purpose} link {self.pk}"
