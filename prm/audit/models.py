"""The audit record: append-only for the application's role, partitioned by month, kept six years (security.md §5)."""

from django.db import models

from prm.tenancy.models import PracticeModel


class AuditEvent(PracticeModel):
    """One read or change of patient data by a person, or an act such as an export. Ids and codes, no values."""

    at = models.DateTimeField()
    actor_kind = models.CharField(max_length=8)  # staff, patient, key, system
    actor_id = models.UUIDField(null=True)
    action = models.CharField(max_length=48)  # such as `patient.read`, `recovery.contact_logged`
    patient_id = models.UUIDField(null=True)
    object_id = models.UUIDField(null=True)
    address = models.GenericIPAddressField(null=True)
    request_id = models.CharField(max_length=10, blank=True)
    facts = models.JSONField(default=dict)

    class Meta(PracticeModel.Meta):
        constraints = [PracticeModel.Meta.constraints[0]]
        indexes = [
            models.Index(fields=["practice", "patient_id", "at"], name="audit_event_patient"),
            models.Index(fields=["practice", "actor_id", "at"], name="audit_event_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.at:%Y-%m-%d %H:%M}"
