"""Episodes of care and their visits. Ingestion owns the facts; projections are written in the same transaction."""

from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Clinic, Therapist
from patients.models.people import Patient
from prm import clock
from prm.tenancy.models import DatabaseClock, PracticeForeignKey, PracticeManager, PracticeModel, PracticeQuerySet
from prm.tenancy.walls import SamePractice


class EpisodeQuerySet(PracticeQuerySet):
    """Questions about episodes; takes moments, not days."""

    def visible_to(self, viewer: Any) -> "EpisodeQuerySet":
        """Those of the viewer's clinics, or his own: lists of episodes. On the page of a patient all are shown."""
        from patients import scope  # noqa: PLC0415  (it asks this very model)

        return self.filter(scope.of_clinics(viewer), scope.of_therapist(viewer))

    def active(self) -> "EpisodeQuerySet":
        """In care now."""
        return self.filter(status=Episode.Status.ACTIVE, hidden=False)

    def shown(self) -> "EpisodeQuerySet":
        """Not deleted by the EMR."""
        return self.filter(hidden=False)

    def slipping(self) -> "EpisodeQuerySet":
        """Active, seen at least once, nothing booked."""
        return self.active().filter(next_visit_at=None, last_visit_at__isnull=False)

    def quiet_since(self, moment: datetime) -> "EpisodeQuerySet":
        """Slipping, last seen before `moment` (aware)."""
        return self.slipping().filter(last_visit_at__lt=moment)


class Episode(PracticeModel):
    """One episode of care, evaluation to discharge (FHIR EpisodeOfCare). The EMR owns it."""

    class Status(models.TextChoices):
        PLANNED = "planned", _("Planned")  # no visit kept yet
        ACTIVE = "active", _("Active")
        LAPSED = "lapsed", _("Lapsed")
        DISCHARGED = "discharged", _("Discharged")

    class DischargeReason(models.TextChoices):
        GOALS_MET = "goals_met", _("Goals met")
        PLATEAU = "plateau", _("Plateau")
        PATIENT_CHOICE = "patient_choice", _("Patient's choice")
        NON_ATTENDANCE = "non_attendance", _("Did not attend")
        AUTHORISATION = "authorisation", _("Authorization ended")
        REFERRED_ON = "referred_on", _("Referred on")
        MOVED = "moved", _("Moved")
        COST = "cost", _("Cost")
        DECEASED = "deceased", _("Deceased")
        ADMINISTRATIVE = "administrative", _("Administrative")
        UNKNOWN = "unknown", _("Unknown")

    class PayerKind(models.TextChoices):
        MEDICARE = "medicare", _("Medicare")
        MEDICARE_ADVANTAGE = "medicare_advantage", _("Medicare Advantage")
        MEDICAID = "medicaid", _("Medicaid")
        COMMERCIAL = "commercial", _("Commercial")
        WORKERS_COMP = "workers_comp", _("Workers' comp")
        AUTO = "auto", _("Auto")
        SELF_PAY = "self_pay", _("Self-pay")
        OTHER = "other", _("Other")
        UNKNOWN = "unknown", _("Unknown")

    patient = PracticeForeignKey(Patient, models.PROTECT, related_name="episodes")
    original_patient = PracticeForeignKey(Patient, models.PROTECT, null=True, blank=True, related_name="+")
    clinic = PracticeForeignKey(Clinic, models.PROTECT, null=True, blank=True, related_name="+")
    therapist = PracticeForeignKey(Therapist, models.PROTECT, null=True, blank=True, related_name="+")
    source_key = models.CharField(max_length=160)  # stable name of the episode in ingestion's merge state
    status = models.CharField(max_length=12, choices=Status, default=Status.PLANNED)
    hidden = models.BooleanField(default=False)  # deleted by the EMR: kept, not shown, nothing is sent
    opened_at = models.DateTimeField(null=True, blank=True)
    discharged_at = models.DateTimeField(null=True, blank=True)
    discharge_reason = models.CharField(max_length=16, choices=DischargeReason, blank=True)
    payer_kind = models.CharField(max_length=20, choices=PayerKind, default=PayerKind.UNKNOWN)
    diagnosis_codes = models.JSONField(default=list, blank=True)  # ICD-10-CM by rank, with dots
    side = models.CharField(max_length=9, blank=True)  # left, right, bilateral
    post_surgical = models.BooleanField(default=False)
    surgery_date = models.DateField(null=True, blank=True)
    planned_visits = models.PositiveSmallIntegerField(null=True, blank=True)
    planned_per_week = models.PositiveSmallIntegerField(null=True, blank=True)
    plan_from = models.DateField(null=True, blank=True)  # certification period
    plan_to = models.DateField(null=True, blank=True)
    authorised_visits = models.PositiveSmallIntegerField(null=True, blank=True)
    authorised_to = models.DateField(null=True, blank=True)
    referral_source = models.CharField(max_length=20, blank=True)
    referrer_name = models.CharField(max_length=160, blank=True)
    referrer_npi = models.CharField(max_length=10, blank=True)

    # Projections kept by ingestion in the transaction of the fact (DESIGN.md §3).
    visit_count = models.PositiveSmallIntegerField(default=0, editable=False)  # completed only
    first_visit_at = models.DateTimeField(null=True, editable=False)
    last_visit_at = models.DateTimeField(null=True, editable=False)
    next_visit_at = models.DateTimeField(null=True, editable=False)  # as of the last projection or nightly refresh
    missed_count = models.PositiveSmallIntegerField(default=0, editable=False)  # no-shows only
    covered_until = models.DateTimeField(null=True, editable=False)  # campaigns.md §2, "bare"
    discharge_seq = models.PositiveSmallIntegerField(default=0, editable=False)
    reopened_at = models.DateTimeField(null=True, editable=False)  # the last reopening, a correction (≤ 72 h) too
    live_from = models.DateTimeField(
        null=True, editable=False
    )  # occurrences due before it never fire; null: none fires
    changed_at = models.DateTimeField(db_default=DatabaseClock(), editable=False)  # a trigger sets it at every change

    # Projections written by upper apps through `patients.facts`.
    last_answer_at = models.DateTimeField(null=True, editable=False)
    last_nps = models.SmallIntegerField(null=True, editable=False)
    last_nps_bucket = models.CharField(max_length=9, blank=True, editable=False)

    created_at = models.DateTimeField(default=clock.now, editable=False)

    objects = PracticeManager.from_queryset(EpisodeQuerySet)()

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(fields=["practice", "source_key"], name="patients_episode_source_key"),
            SamePractice(field="patient", name="patients_episode_patient_same_practice"),
            SamePractice(field="original_patient", name="patients_episode_original_patient_same_practice"),
            SamePractice(field="clinic", name="patients_episode_clinic_same_practice"),
            SamePractice(field="therapist", name="patients_episode_therapist_same_practice"),
            models.CheckConstraint(
                name="patients_episode_discharged_has_date",
                condition=Q(status="discharged", discharged_at__isnull=False)
                | (~Q(status="discharged") & Q(discharged_at=None)),
            ),
        ]
        indexes = [
            models.Index(fields=["practice", "patient"], name="patients_episode_patient"),
            models.Index(
                fields=["practice", "discharged_at"],
                name="patients_episode_discharged",
                condition=Q(discharged_at__isnull=False),
            ),
            models.Index(
                fields=["practice", "last_visit_at"], name="patients_episode_slipping", condition=Q(status="active")
            ),
            models.Index(fields=["practice", "changed_at"], name="patients_episode_changed"),
            models.Index(fields=["changed_at"], name="patients_episode_changed_any"),  # asked across practices
            models.Index(
                fields=["practice", "covered_until"],
                name="patients_episode_covered",
                condition=Q(covered_until__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"Episode {self.pk} ({self.status})"


class EpisodeRegion(PracticeModel):
    """A body region of an episode (patients/regions.py): a link table, since `@>` uses no index under row security."""

    episode = PracticeForeignKey(Episode, models.CASCADE, related_name="regions")
    region = models.CharField(max_length=16)

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(fields=["practice", "region", "episode"], name="patients_episoderegion_once"),
            SamePractice(field="episode", name="patients_episoderegion_episode_same_practice"),
        ]
        indexes = [models.Index(fields=["practice", "episode"], name="patients_episoderegion_episode")]

    def __str__(self) -> str:
        return self.region


class VisitQuerySet(PracticeQuerySet):
    """Questions about visits."""

    def visible_to(self, viewer: Any) -> "VisitQuerySet":
        """Visits in the viewer's clinics by patients whom he may see."""
        from patients import scope  # noqa: PLC0415  (it asks episodes)

        return self.filter(scope.sees_row(viewer))

    def shown(self) -> "VisitQuerySet":
        """Not deleted by the EMR."""
        return self.filter(hidden=False)

    def between(self, start: datetime, end: datetime) -> "VisitQuerySet":
        """Starting in the half-open period (aware)."""
        return self.shown().filter(starts_at__gte=start, starts_at__lt=end)


class Visit(PracticeModel):
    """One visit: an appointment, an encounter, or both of them joined."""

    class Kind(models.TextChoices):
        EVALUATION = "evaluation", _("Evaluation")
        TREATMENT = "treatment", _("Treatment")
        RE_EVALUATION = "re_evaluation", _("Re-evaluation")
        DISCHARGE = "discharge", _("Discharge visit")

    class Status(models.TextChoices):
        BOOKED = "booked", _("Booked")
        ARRIVED = "arrived", _("Arrived")
        COMPLETED = "completed", _("Completed")
        CANCELLED = "cancelled", _("Cancelled")
        NO_SHOW = "no_show", _("Missed")

    class CancelledBy(models.TextChoices):
        PATIENT = "patient", _("Patient")
        CLINIC = "clinic", _("Clinic")
        UNKNOWN = "unknown", _("Unknown")

    patient = PracticeForeignKey(Patient, models.PROTECT, related_name="visits")
    episode = PracticeForeignKey(Episode, models.PROTECT, null=True, blank=True, related_name="visits")
    clinic = PracticeForeignKey(Clinic, models.PROTECT, null=True, blank=True, related_name="+")
    therapist = PracticeForeignKey(Therapist, models.PROTECT, null=True, blank=True, related_name="+")
    source_key = models.CharField(max_length=160)
    kind = models.CharField(max_length=14, choices=Kind, default=Kind.TREATMENT)
    status = models.CharField(max_length=10, choices=Status, default=Status.BOOKED)
    hidden = models.BooleanField(default=False)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    day_precision = models.BooleanField(default=False)  # only the date is known; 12:00 clinic time stands in
    booked_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    cancelled_by = models.CharField(max_length=8, choices=CancelledBy, blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    ordinal = models.PositiveSmallIntegerField(null=True, editable=False)  # among the episode's completed visits
    cpt_codes = models.JSONField(default=list, blank=True)
    changed_at = models.DateTimeField(db_default=DatabaseClock(), editable=False)  # writers set DatabaseClock()

    objects = PracticeManager.from_queryset(VisitQuerySet)()

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(fields=["practice", "source_key"], name="patients_visit_source_key"),
            SamePractice(field="patient", name="patients_visit_patient_same_practice"),
            SamePractice(field="episode", name="patients_visit_episode_same_practice"),
            SamePractice(field="clinic", name="patients_visit_clinic_same_practice"),
            SamePractice(field="therapist", name="patients_visit_therapist_same_practice"),
        ]
        indexes = [
            models.Index(fields=["practice", "starts_at"], name="patients_visit_starts"),
            models.Index(fields=["practice", "episode", "starts_at"], name="patients_visit_episode"),
            models.Index(fields=["practice", "patient", "starts_at"], name="patients_visit_patient"),
            models.Index(
                fields=["practice", "ordinal", "ends_at"],
                name="patients_visit_ordinal",
                condition=Q(ordinal__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"Visit {self.pk} ({self.status})"
