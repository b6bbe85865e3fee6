"""What happened to a patient, from any app: one row a thing, partitioned by month."""

from django.db import models

from patients.models.people import Patient
from prm.tenancy.models import PracticeForeignKey, PracticeModel
from prm.tenancy.walls import SamePractice


class TimelineEntry(PracticeModel):
    """One thing that happened. Unique by kind, object and moment, so that re-projection adds nothing twice."""

    patient = PracticeForeignKey(Patient, models.CASCADE, related_name="timeline")
    at = models.DateTimeField()
    kind = models.CharField(max_length=40)  # `<noun>_<what happened>`
    object_id = models.UUIDField()
    facts = models.JSONField(default=dict)  # small, without free text of patients

    class Meta(PracticeModel.Meta):
        constraints = [
            PracticeModel.Meta.constraints[0],
            models.UniqueConstraint(fields=["practice", "kind", "object_id", "at"], name="patients_timelineentry_once"),
            SamePractice(field="patient", name="patients_timelineentry_patient_same_practice"),
        ]
        indexes = [models.Index(fields=["practice", "patient", "-at"], name="patients_timelineentry_patient")]

    def __str__(self) -> str:
        return f"{self.kind} {self.at:%Y-%m-%d}"
