"""Where patients can review a clinic, and who was asked to (nps.md section 7)."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Clinic
from nps.models.responses import Response
from patients.models import Patient
from prm import clock
from prm.tenancy.models import PracticeForeignKey, PracticeModel
from prm.tenancy.walls import SamePractice


class ReviewSite(PracticeModel):
    """A page on a review site. `nps.reviews.check_url` has accepted the address."""

    class Kind(models.TextChoices):
        GOOGLE = "google", "Google"
        FACEBOOK = "facebook", "Facebook"
        HEALTHGRADES = "healthgrades", "Healthgrades"
        YELP = "yelp", "Yelp"  # never in a message
        OTHER = "other", _("Another site")

    clinic = PracticeForeignKey(Clinic, models.PROTECT, related_name="review_sites")
    kind = models.CharField(max_length=12, choices=Kind)
    url = models.URLField(max_length=400)
    position = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(
                fields=["practice", "clinic", "url"], condition=models.Q(ended_at=None), name="nps_reviewsite_once"
            ),
            SamePractice(field="clinic", name="nps_reviewsite_clinic_same_practice"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.clinic_id}"


class ReviewRequest(PracticeModel):
    """One asking for a public review; one in twelve months a patient, whatever the score."""

    patient = PracticeForeignKey(Patient, models.PROTECT, related_name="review_requests")
    response = PracticeForeignKey(Response, models.PROTECT, related_name="review_requests")
    clinic = PracticeForeignKey(Clinic, models.PROTECT, related_name="+")
    mode = models.CharField(max_length=16)  # the policy in force when asked
    asked_at = models.DateTimeField(default=clock.now)  # decided; the mail follows two hours later
    outbox_message = models.UUIDField(null=True, blank=True)

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(fields=["practice", "response"], name="nps_reviewrequest_once_an_answer"),
            SamePractice(field="patient", name="nps_reviewrequest_patient_same_practice"),
            SamePractice(field="response", name="nps_reviewrequest_response_same_practice"),
            SamePractice(field="clinic", name="nps_reviewrequest_clinic_same_practice"),
        ]
        indexes = [models.Index(fields=["practice", "patient", "asked_at"], name="nps_reviewrequest_patient")]

    def __str__(self) -> str:
        return f"Review request {self.pk}"
