"""What patients answered, with every version of it."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Clinic, Therapist
from nps.models.surveys import STANDARD_QUESTION, Stage, SurveyInvitation
from nps.score import Bucket, bucket
from patients import scope
from patients.models import Episode, Patient
from prm import clock, crypto
from prm.tenancy.models import PracticeForeignKey, PracticeManager, PracticeModel, PracticeQuerySet
from prm.tenancy.walls import SamePractice

A_SCORE = models.Q(score__gte=0, score__lte=10)


def not_counted(patient: str = "patient") -> models.Exists:
    """The condition that a row's patient is a sample beside real ones; `patient` is the path to it."""
    return models.Exists(Patient.objects.set_aside().filter(pk=models.OuterRef(f"{patient}_id")))


class ResponseQuerySet(PracticeQuerySet):
    """Questions about answers."""

    def valid(self) -> "ResponseQuerySet":
        """Neither tests nor withdrawn."""
        return self.filter(status=Response.Status.VALID)

    def counted(self) -> "ResponseQuerySet":
        """What a score may count: valid, standard question, a survey's answer, not taken down by staff (nps.md 5).

        Answers of sample patients count while there are no others.
        """
        return (
            self.valid()
            .filter(~not_counted(), kind=Response.Kind.SURVEY, question_version=STANDARD_QUESTION)
            .exclude(channel=Response.Channel.STAFF)
        )

    def visible_to(self, viewer: scope.Viewer) -> "ResponseQuerySet":
        """What reports and lists of the viewer may count: answers of his clinics, or to his own treatment.

        An answer of no known clinic is seen by those who see the whole practice, as in the report (nps.reports.Scope).
        """
        return self.filter(scope.counts_for(viewer))

    def in_bucket(self, name: str) -> "ResponseQuerySet":
        """Of one bucket: promoter 9-10, passive 7-8, detractor 0-6."""
        return self.filter(self.bucket_is(name))

    @staticmethod
    def bucket_is(name: str) -> models.Q:
        """The condition of `in_bucket`, for counts by bucket in one statement."""
        low, high = {Bucket.PROMOTER: (9, 10), Bucket.PASSIVE: (7, 8), Bucket.DETRACTOR: (0, 6)}[Bucket(name)]
        return models.Q(score__gte=low, score__lte=high)


class Response(PracticeModel):
    """The answer that counts for one invitation: the last one given, until staff have contacted the patient about it.

    Patient, clinic, therapist and stage are copied from the invitation (an imported answer has none), so that one table
    answers every report; a correction of the attribution changes them here.
    """

    class Channel(models.TextChoices):
        EMAIL = "email", _("E-mail")
        SMS = "sms", _("Text message")
        PORTAL = "portal", _("Portal")
        STAFF = "staff", _("Taken by staff")

    class Kind(models.TextChoices):
        SURVEY = "survey", _("Survey")
        RESURVEY = "resurvey", _("After recovery")
        IMPORTED = "imported", _("Imported")

    class Status(models.TextChoices):
        VALID = "valid", _("Valid")
        TEST = "test", _("Test")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    class Contact(models.TextChoices):
        UNASKED = "", _("Did not say")
        CALL = "call", _("By phone")
        MESSAGE = "message", _("By message")
        NO = "no", _("No")

    invitation = PracticeForeignKey(SurveyInvitation, models.PROTECT, null=True, blank=True, related_name="responses")
    patient = PracticeForeignKey(Patient, models.PROTECT, related_name="survey_responses")
    episode = PracticeForeignKey(Episode, models.PROTECT, null=True, blank=True, related_name="survey_responses")
    clinic = PracticeForeignKey(Clinic, models.PROTECT, null=True, blank=True, related_name="+")
    therapist = PracticeForeignKey(Therapist, models.PROTECT, null=True, blank=True, related_name="+")
    stage = models.CharField(max_length=9, choices=Stage, blank=True)
    visit_ordinal = models.PositiveSmallIntegerField(default=0)
    case = PracticeForeignKey("nps.RecoveryCase", models.PROTECT, null=True, blank=True, related_name="answers")
    score = models.SmallIntegerField()
    first_score = models.SmallIntegerField()
    answered_at = models.DateTimeField(default=clock.now)  # of the first answer; an edit does not move it
    changed_at = models.DateTimeField(default=clock.now)
    channel = models.CharField(max_length=6, choices=Channel, default=Channel.EMAIL)
    language = models.CharField(max_length=5, default="en")
    comment = models.BinaryField(default=bytes)  # encrypted: prm.crypto.seal_text
    drivers = models.JSONField(default=list)  # of nps.wording.DRIVERS
    contact_ok = models.CharField(max_length=7, choices=Contact, blank=True, default=Contact.UNASKED)
    hide_name = models.BooleanField(default=False)
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.SURVEY)
    status = models.CharField(max_length=9, choices=Status, default=Status.VALID)
    question_version = models.CharField(max_length=12, default=STANDARD_QUESTION)

    objects = PracticeManager.from_queryset(ResponseQuerySet)()

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(fields=["practice", "invitation", "kind"], name="nps_response_one_an_invitation"),
            models.CheckConstraint(name="nps_response_score", condition=A_SCORE),
            models.CheckConstraint(
                name="nps_response_first_score", condition=models.Q(first_score__gte=0, first_score__lte=10)
            ),
            models.CheckConstraint(
                name="nps_response_asked_or_imported",
                condition=models.Q(invitation__isnull=False) | models.Q(kind="imported") | models.Q(channel="staff"),
            ),
            SamePractice(field="invitation", name="nps_response_invitation_same_practice"),
            SamePractice(field="patient", name="nps_response_patient_same_practice"),
            SamePractice(field="episode", name="nps_response_episode_same_practice"),
            SamePractice(field="clinic", name="nps_response_clinic_same_practice"),
            SamePractice(field="therapist", name="nps_response_therapist_same_practice"),
            SamePractice(field="case", name="nps_response_case_same_practice"),
        ]
        indexes = [
            models.Index(fields=["practice", "answered_at"], name="nps_response_answered"),
            models.Index(fields=["practice", "patient", "answered_at"], name="nps_response_patient"),
            models.Index(fields=["practice", "case"], name="nps_response_case", condition=models.Q(case__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"Response {self.pk}"

    @property
    def bucket(self) -> Bucket:
        """Promoter, passive or detractor."""
        return bucket(self.score)

    @property
    def comment_text(self) -> str:
        """The patient's words; empty where there are none."""
        return crypto.open_text(self, "comment")


class ResponseVersion(PracticeModel):
    """One state of an answer as the patient left it. Append-only."""

    response = PracticeForeignKey(Response, models.CASCADE, related_name="versions")
    score = models.SmallIntegerField()
    comment = models.BinaryField(default=bytes)  # encrypted
    channel = models.CharField(max_length=6, choices=Response.Channel)
    at = models.DateTimeField(default=clock.now)

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.CheckConstraint(name="nps_responseversion_score", condition=A_SCORE),
            SamePractice(field="response", name="nps_responseversion_response_same_practice"),
        ]
        indexes = [models.Index(fields=["practice", "response", "at"], name="nps_responseversion_response")]

    def __str__(self) -> str:
        return f"Version of {self.response_id} at {self.at:%Y-%m-%d %H:%M}"

    @property
    def comment_text(self) -> str:
        """The words of this version."""
        return crypto.open_text(self, "comment")
