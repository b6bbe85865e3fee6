"""Private recovery: what is done about an unhappy patient (nps.md section 6)."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Clinic, Membership
from nps.models.responses import Response
from patients.models import Patient
from prm import clock, crypto
from prm.tenancy.models import PracticeForeignKey, PracticeManager, PracticeModel, PracticeQuerySet
from prm.tenancy.walls import SamePractice


class RecoveryCaseQuerySet(PracticeQuerySet):
    """Questions about cases."""

    def open(self) -> "RecoveryCaseQuerySet":
        """Not resolved."""
        return self.exclude(state=RecoveryCase.State.RESOLVED)


class RecoveryCase(PracticeModel):
    """One unhappy patient being won back. Its owner is the work item's; one open case a patient."""

    class State(models.TextChoices):
        NEW = "new", _("New")
        ASSIGNED = "assigned", _("Assigned")
        CONTACTED = "contacted", _("Contacted")
        WAITING = "waiting", _("Waiting")
        RESOLVED = "resolved", _("Resolved")
        REOPENED = "reopened", _("Reopened")

    class Cause(models.TextChoices):  # the themes of nps.md section 8
        THERAPIST = "therapist", _("Therapist")
        OUTCOME = "outcome", _("Outcome of care")
        FRONT_DESK = "front_desk", _("Front desk")
        SCHEDULING = "scheduling", _("Scheduling")
        WAITING = "waiting", _("Waiting time")
        BILLING = "billing", _("Billing")
        FACILITY = "facility", _("Facility")
        COMMUNICATION = "communication", _("Communication")
        CONTINUITY = "continuity", _("Continuity of care")
        EXERCISES = "exercises", _("Exercises")
        TEAM = "team", _("Team")
        LANGUAGE = "language", _("Language")
        OTHER = "other", _("Something else")

    class Outcome(models.TextChoices):
        HELPED = "helped", _("Helped")
        EXPLAINED = "explained", _("Explained")
        APOLOGISED = "apologised", _("Apologized")
        NOT_REACHED = "not_reached", _("Not reached")
        DECLINED = "declined", _("Declined to talk")
        NO_COMPLAINT = "no_complaint", _("Not a complaint")

    response = PracticeForeignKey(Response, models.PROTECT, related_name="+")  # the answer that opened it
    patient = PracticeForeignKey(Patient, models.PROTECT, related_name="recovery_cases")
    clinic = PracticeForeignKey(Clinic, models.PROTECT, null=True, blank=True, related_name="+")
    state = models.CharField(max_length=9, choices=State, default=State.NEW)
    opened_at = models.DateTimeField(default=clock.now)
    due_at = models.DateTimeField()  # first contact
    contacted_at = models.DateTimeField(null=True, blank=True)  # first contact that reached the patient or left word
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = PracticeForeignKey(Membership, models.PROTECT, null=True, blank=True, related_name="+")
    cause = models.CharField(max_length=13, choices=Cause, blank=True)
    outcome = models.CharField(max_length=12, choices=Outcome, blank=True)
    state_before = models.CharField(max_length=9, blank=True, editable=False)  # for undoing a resolution

    objects = PracticeManager.from_queryset(RecoveryCaseQuerySet)()

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(
                fields=["practice", "patient"],
                condition=~Q(state="resolved"),
                name="nps_recoverycase_one_open_a_patient",
            ),
            models.CheckConstraint(
                name="nps_recoverycase_resolved_has_all",
                condition=(Q(state="resolved", resolved_at__isnull=False) & ~Q(cause="") & ~Q(outcome=""))
                | (~Q(state="resolved") & Q(resolved_at=None, outcome="")),
            ),
            SamePractice(field="response", name="nps_recoverycase_response_same_practice"),
            SamePractice(field="patient", name="nps_recoverycase_patient_same_practice"),
            SamePractice(field="clinic", name="nps_recoverycase_clinic_same_practice"),
            SamePractice(field="resolved_by", name="nps_recoverycase_resolved_by_same_practice"),
        ]
        indexes = [
            models.Index(fields=["practice", "due_at"], name="nps_recoverycase_due", condition=~Q(state="resolved")),
            models.Index(fields=["practice", "opened_at"], name="nps_recoverycase_opened"),
            models.Index(fields=["practice", "patient"], name="nps_recoverycase_patient"),
        ]

    def __str__(self) -> str:
        return f"Recovery case {self.pk} ({self.state})"


class ContactAttempt(PracticeModel):
    """One try to reach the patient of a case. Append-only."""

    class Medium(models.TextChoices):
        PHONE = "phone", _("Phone")
        MESSAGE = "message", _("Message")
        SMS = "sms", _("Text message")
        IN_PERSON = "in_person", _("In person")

    class Result(models.TextChoices):
        REACHED = "reached", _("Reached")
        LEFT_WORD = "left_word", _("Left word")
        NO_ANSWER = "no_answer", _("No answer")
        WRONG_NUMBER = "wrong_number", _("Wrong number")

    case = PracticeForeignKey(RecoveryCase, models.CASCADE, related_name="attempts")
    at = models.DateTimeField(default=clock.now)
    by = PracticeForeignKey(Membership, models.PROTECT, related_name="+")
    medium = models.CharField(max_length=9, choices=Medium)
    result = models.CharField(max_length=12, choices=Result)
    note = models.BinaryField(default=bytes)  # encrypted

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            SamePractice(field="case", name="nps_contactattempt_case_same_practice"),
            SamePractice(field="by", name="nps_contactattempt_by_same_practice"),
        ]
        indexes = [models.Index(fields=["practice", "case", "at"], name="nps_contactattempt_case")]

    def __str__(self) -> str:
        return f"{self.medium}: {self.result}"

    @property
    def note_text(self) -> str:
        """What the member of staff wrote down."""
        return crypto.open_text(self, "note")
