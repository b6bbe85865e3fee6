"""Work items: something a member of staff must do about a patient (daily.md §11)."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Clinic, Membership
from patients.models.people import Patient
from prm import clock
from prm.tenancy.models import PracticeForeignKey, PracticeManager, PracticeModel, PracticeQuerySet
from prm.tenancy.walls import SamePractice


class WorkItemQuerySet(PracticeQuerySet):
    """Questions about work items."""

    def open(self) -> "WorkItemQuerySet":
        """Not done."""
        return self.filter(state=WorkItem.State.OPEN)


class WorkItem(PracticeModel):
    """One thing to do. Only `patients.worklist` opens and closes it; one open item per kind and subject."""

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        DONE = "done", _("Done")

    kind = models.CharField(max_length=24)
    subject_id = models.UUIDField()
    patient = PracticeForeignKey(Patient, models.PROTECT, null=True, blank=True, related_name="work_items")
    clinic = PracticeForeignKey(Clinic, models.PROTECT, null=True, blank=True, related_name="+")
    owner = PracticeForeignKey(Membership, models.PROTECT, null=True, blank=True, related_name="+")
    state = models.CharField(max_length=4, choices=State, default=State.OPEN)
    opened_at = models.DateTimeField(default=clock.now)
    due_at = models.DateTimeField(null=True, blank=True)
    snoozed_until = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = PracticeForeignKey(Membership, models.PROTECT, null=True, blank=True, related_name="+")
    outcome = models.CharField(max_length=24, blank=True)
    version = models.PositiveIntegerField(default=1)

    objects = PracticeManager.from_queryset(WorkItemQuerySet)()

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(
                fields=["practice", "kind", "subject_id"], condition=Q(state="open"), name="patients_workitem_one_open"
            ),
            models.CheckConstraint(
                name="patients_workitem_done_has_time",
                condition=Q(state="done", closed_at__isnull=False) | Q(state="open", closed_at=None),
            ),
            SamePractice(field="patient", name="patients_workitem_patient_same_practice"),
            SamePractice(field="clinic", name="patients_workitem_clinic_same_practice"),
            SamePractice(field="owner", name="patients_workitem_owner_same_practice"),
            SamePractice(field="closed_by", name="patients_workitem_closed_by_same_practice"),
        ]
        indexes = [
            models.Index(fields=["practice", "due_at"], name="patients_workitem_due", condition=Q(state="open")),
            models.Index(fields=["practice", "patient"], name="patients_workitem_patient"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} ({self.state})"


class WorkItemLine(PracticeModel):
    """One line of an item's history: opened, repeated, assigned, snoozed, closed, reopened."""

    item = PracticeForeignKey(WorkItem, models.CASCADE, related_name="lines")
    at = models.DateTimeField(default=clock.now)
    what = models.CharField(max_length=12)
    by = PracticeForeignKey(Membership, models.PROTECT, null=True, blank=True, related_name="+")
    detail = models.CharField(max_length=120, blank=True)  # codes and names of staff, no words of patients

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            SamePractice(field="item", name="patients_workitemline_item_same_practice"),
            SamePractice(field="by", name="patients_workitemline_by_same_practice"),
        ]
        indexes = [models.Index(fields=["practice", "item", "at"], name="patients_workitemline_item")]

    def __str__(self) -> str:
        return f"{self.what} {self.at:%Y-%m-%d %H:%M}"
