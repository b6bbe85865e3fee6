"""The consent ledger: append-only rows; what holds now is a query over them (messaging.md §5 step 6)."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from patients.models.people import Patient
from prm import clock
from prm.tenancy.models import PracticeForeignKey, PracticeModel
from prm.tenancy.walls import SamePractice


class Channel(models.TextChoices):
    """Ways to reach a patient."""

    EMAIL = "email", _("E-mail")
    SMS = "sms", _("Text message")
    PUSH = "push", _("Push")


class Purpose(models.TextChoices):
    """What a person consents to: care (treatment, reminders, exercises, surveys) or marketing."""

    CARE = "care", _("Care")
    MARKETING = "marketing", _("Marketing")


class ConsentPolicy(PracticeModel):
    """What an arriving address means, one version per channel and purpose, chosen by the owner (daily.md §1)."""

    class Rule(models.TextChoices):
        ON_ARRIVAL = "on_arrival", _("Given with the address")
        RECORDED_ONLY = "recorded_only", _("Only where recorded")

    channel = models.CharField(max_length=5, choices=Channel)
    purpose = models.CharField(max_length=9, choices=Purpose)
    rule = models.CharField(max_length=13, choices=Rule)
    version = models.PositiveSmallIntegerField()
    wording = models.TextField(blank=True)  # of the intake form, where the rule rests on it
    chosen_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=clock.now)

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(
                fields=["practice", "channel", "purpose", "version"], name="patients_consentpolicy_version"
            ),
            models.CheckConstraint(
                name="patients_consentpolicy_no_marketing_by_policy",
                condition=~models.Q(purpose="marketing", rule="on_arrival"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.purpose} v{self.version}: {self.rule}"


class Consent(PracticeModel):
    """One entry of the ledger. Never changed, never deleted with the patient's other rows (kept six years)."""

    class How(models.TextChoices):
        POLICY = "policy", _("Practice's policy")
        PATIENT = "patient", _("The patient")
        STAFF = "staff", _("Staff")
        IMPORT = "import", _("Import")
        FEED = "feed", _("EMR")
        PROVIDER = "provider", _("Unsubscribed")

    patient = PracticeForeignKey(Patient, models.PROTECT, related_name="consents")
    address = models.CharField(max_length=254, blank=True)  # the address meant, where it is not the patient's own
    channel = models.CharField(max_length=5, choices=Channel)
    purpose = models.CharField(max_length=9, choices=Purpose)
    topic = models.CharField(max_length=12, blank=True)  # visits, exercises, surveys, news; empty: all
    granted = models.BooleanField()
    how = models.CharField(max_length=8, choices=How)
    evidence = models.CharField(max_length=240, blank=True)
    by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    at = models.DateTimeField(default=clock.now)

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            SamePractice(field="patient", name="patients_consent_patient_same_practice"),
        ]
        indexes = [
            models.Index(fields=["practice", "patient", "channel", "purpose", "-at"], name="patients_consent_current")
        ]

    def __str__(self) -> str:
        return f"{'granted' if self.granted else 'revoked'} {self.channel} {self.purpose}"
