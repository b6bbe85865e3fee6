"""The audit record: append-only for the application's role, partitioned by month, kept six years (security.md §5)."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from prm.tenancy.models import PracticeModel


class AuditEvent(PracticeModel):
    """One read or change of patient data by a person, or an act such as an export. Ids and codes, no values."""

    at = models.DateTimeField()
    actor_kind = models.CharField(max_length=8)  # staff, support, patient, key, system
    actor_id = models.UUIDField(null=True)
    action = models.CharField(max_length=48)  # such as `patient.read`, `recovery.contact_logged`
    patient_id = models.UUIDField(null=True)  # whom the act was about
    patients = ArrayField(models.UUIDField(), default=list)  # who else was named on the page or in the file
    object_id = models.UUIDField(null=True)
    address = models.GenericIPAddressField(null=True)
    request_id = models.CharField(max_length=10, blank=True)
    facts = models.JSONField(default=dict)

    class Meta(PracticeModel.Meta):
        constraints = [PracticeModel.Meta.constraints[0]]
        indexes = [
            models.Index(fields=["practice", "patient_id", "at"], name="audit_event_patient"),
            models.Index(fields=["practice", "actor_id", "at"], name="audit_event_actor"),
            models.Index(
                fields=["practice", "at", "id"], name="audit_event_at"
            ),  # pages of the viewer, days of the seal
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.at:%Y-%m-%d %H:%M}"


class AuditSeal(PracticeModel):
    """The seal over one day (UTC) of a practice's events; each holds the one before it, so that none can be left out.

    Every day from the practice's first event on has one, an empty day too. The database takes no event for a sealed
    day. As the events, the application adds seals and never changes one.
    """

    day = models.DateField()
    sealed_at = models.DateTimeField()
    count = models.PositiveIntegerField()
    first_id = models.UUIDField(null=True)  # the first and the last event by (at, id); null on an empty day
    last_id = models.UUIDField(null=True)
    key_id = models.CharField(max_length=4)  # which master key signed: prm.crypto
    digest = models.CharField(max_length=64)  # SHA-256, hex, over the day's events
    previous = models.CharField(max_length=64)  # `hash` of the day before; of the first day, of the practice's id
    hash = models.CharField(max_length=64)  # HMAC-SHA256, hex, over all of the above

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(fields=["practice", "day"], name="audit_auditseal_day"),
        ]

    def __str__(self) -> str:
        return f"seal of {self.day}"


class AuditCheck(PracticeModel):
    """One check of a practice's chain, made in slices; the newest is what the audit page shows."""

    started_at = models.DateTimeField()
    next_day = models.DateField(null=True)  # where the next slice begins; null before the first
    previous = models.CharField(max_length=64, blank=True)  # `hash` of the day before `next_day`
    through = models.DateField(null=True)  # the last day that was checked
    days = models.PositiveIntegerField(default=0)
    events = models.PositiveIntegerField(default=0)
    findings = models.JSONField(default=list)  # [{"day": …, "what": …}], at most 50
    finished_at = models.DateTimeField(null=True)

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(
                fields=["practice"], condition=models.Q(finished_at=None), name="audit_auditcheck_one_open"
            ),
        ]
        indexes = [models.Index(fields=["practice", "-started_at"], name="audit_auditcheck_newest")]

    def __str__(self) -> str:
        return f"check of {self.started_at:%Y-%m-%d %H:%M}"
