"""Surveys and who was asked."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Clinic, Therapist
from patients.models import Episode, Patient, PortalLink, Visit
from prm import clock
from prm.tenancy.models import PracticeForeignKey, PracticeModel
from prm.tenancy.walls import SamePractice

STANDARD_QUESTION = "nps-1"  # the locked wording of nps.md section 2; another wording is another version, never mixed


class Stage(models.TextChoices):
    """Where in the care the patient was when asked; frozen with the invitation."""

    EARLY = "early", _("Early (visits 1-3)")
    MID = "mid", _("Mid-plan")
    DISCHARGE = "discharge", _("At discharge")
    POST = "post", _("After discharge")
    DROPPED = "dropped", _("Dropped out")


class Survey(PracticeModel):
    """One survey of a practice. Its wording is locked; the practice chooses its name, languages and who sees names."""

    class NamePolicy(models.TextChoices):
        MANAGERS = "managers", _("Therapists see their own comments without names")
        OPEN = "open", _("Therapists see names, except where the patient said no")

    name = models.CharField(max_length=80)
    active = models.BooleanField(default=True)
    question_version = models.CharField(max_length=12, default=STANDARD_QUESTION)
    languages = models.JSONField(default=list)  # of "en", "es"; empty means English only
    name_policy = models.CharField(max_length=8, choices=NamePolicy, default=NamePolicy.MANAGERS)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(fields=["practice", "name"], name="nps_survey_name"),
        ]

    def __str__(self) -> str:
        return self.name


class SurveyInvitation(PracticeModel):
    """One asking of one patient. Clinic, therapist, stage and ordinal are those of the moment of asking."""

    class State(models.TextChoices):
        QUEUED = "queued", _("Queued")
        SENT = "sent", _("Sent")
        ANSWERED = "answered", _("Answered")
        EXPIRED = "expired", _("Expired")
        WITHDRAWN = "withdrawn", _("Not sent")

    class Reason(models.TextChoices):
        MINOR = "minor", _("Under 18, no guardian's contact")
        NO_ADDRESS = "no_address", _("No e-mail address")
        SURVEY_OFF = "survey_off", _("Surveys are off")
        HELD = "held", _("Held by the guard")

    survey = PracticeForeignKey(Survey, models.PROTECT, related_name="invitations")
    patient = PracticeForeignKey(Patient, models.PROTECT, related_name="survey_invitations")
    episode = PracticeForeignKey(Episode, models.PROTECT, related_name="survey_invitations")
    visit = PracticeForeignKey(Visit, models.PROTECT, null=True, blank=True, related_name="+")
    clinic = PracticeForeignKey(Clinic, models.PROTECT, null=True, blank=True, related_name="+")
    therapist = PracticeForeignKey(Therapist, models.PROTECT, null=True, blank=True, related_name="+")
    stage = models.CharField(max_length=9, choices=Stage)
    visit_ordinal = models.PositiveSmallIntegerField(default=0)  # completed visits when asked
    channel = models.CharField(max_length=6, default="email")  # email, sms, portal
    language = models.CharField(max_length=5, default="en")
    firing = models.UUIDField(null=True, blank=True)  # the decision of a rule that asked
    step = models.CharField(max_length=20, blank=True)  # and the step of the rule
    reminder_of = PracticeForeignKey("self", models.PROTECT, null=True, blank=True, related_name="+")
    link = PracticeForeignKey(PortalLink, models.PROTECT, null=True, blank=True, related_name="+")
    outbox_message = models.UUIDField(null=True, blank=True)
    asked_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()
    state = models.CharField(max_length=9, choices=State, default=State.QUEUED)
    not_sent_reason = models.CharField(max_length=32, blank=True)  # Reason, or the guard's own word

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(fields=["practice", "firing", "step"], name="nps_surveyinvitation_once_a_step"),
            models.CheckConstraint(
                name="nps_surveyinvitation_withdrawn_has_reason",
                condition=~models.Q(state="withdrawn") | ~models.Q(not_sent_reason=""),
            ),
            SamePractice(field="survey", name="nps_surveyinvitation_survey_same_practice"),
            SamePractice(field="patient", name="nps_surveyinvitation_patient_same_practice"),
            SamePractice(field="episode", name="nps_surveyinvitation_episode_same_practice"),
            SamePractice(field="visit", name="nps_surveyinvitation_visit_same_practice"),
            SamePractice(field="clinic", name="nps_surveyinvitation_clinic_same_practice"),
            SamePractice(field="therapist", name="nps_surveyinvitation_therapist_same_practice"),
            SamePractice(field="reminder_of", name="nps_surveyinvitation_reminder_of_same_practice"),
            SamePractice(field="link", name="nps_surveyinvitation_link_same_practice"),
        ]
        indexes = [
            models.Index(fields=["practice", "asked_at"], name="nps_surveyinvitation_asked"),
            models.Index(fields=["practice", "patient", "asked_at"], name="nps_surveyinvitation_patient"),
            models.Index(fields=["practice", "episode"], name="nps_surveyinvitation_episode"),
        ]

    def __str__(self) -> str:
        return f"Invitation {self.pk} ({self.state})"
