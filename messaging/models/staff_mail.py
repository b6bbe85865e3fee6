"""Mail to staff: invitations, resets, what changed about an account."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from prm import clock, ids
from prm.tenancy.models import DatabaseUuid7

IN_FLIGHT = ("claimed", "started")
OPEN = ("queued", *IN_FLIGHT)


class StaffMail(models.Model):
    """One mail to a member of staff, or to somebody who is to become one. Global: a person may belong to no practice.

    States and their moves are the outbox's (security.md §4). `sealed` holds what the mail says, links with tokens among
    it: encrypted, and emptied as soon as the mail has reached an end.
    """

    class State(models.TextChoices):
        """As `OutboxMessage.State`, without what only a patient's message can be."""

        QUEUED = "queued", _("Queued")
        CLAIMED = "claimed", _("Being sent")
        STARTED = "started", _("Being sent now")
        SENT = "sent", _("Sent")
        FAILED = "failed", _("Failed")
        UNKNOWN = "unknown", _("Unknown")
        EXPIRED = "expired", _("Expired")

    id = models.UUIDField(primary_key=True, default=ids.uuid7, db_default=DatabaseUuid7(), editable=False)
    kind = models.CharField(max_length=24)  # of accounts.notify.KINDS
    address = models.EmailField()
    language = models.CharField(max_length=5, default="en")
    dedupe_key = models.CharField(max_length=200, unique=True)
    sealed = models.BinaryField(default=b"", editable=False)  # JSON of the values of the wording
    created_at = models.DateTimeField(default=clock.now, editable=False)
    not_before = models.DateTimeField()
    expires_at = models.DateTimeField()

    state = models.CharField(max_length=8, choices=State, default=State.QUEUED)
    state_at = models.DateTimeField(default=clock.now)
    attempts = models.PositiveSmallIntegerField(default=0)
    claim = models.UUIDField(null=True, blank=True)  # whose lease it is; an outcome is written by its holder only
    lease_until = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=40, blank=True)
    provider = models.CharField(max_length=12, blank=True)
    provider_id = models.CharField(max_length=120, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="messaging_staffmail_lease_in_flight",
                condition=Q(state__in=IN_FLIGHT, claim__isnull=False, lease_until__isnull=False)
                | (~Q(state__in=IN_FLIGHT) & Q(claim=None, lease_until=None)),
            ),
            models.CheckConstraint(
                name="messaging_staffmail_emptied_at_the_end",
                condition=(Q(state__in=OPEN) & ~Q(sealed=b"")) | (~Q(state__in=OPEN) & Q(sealed=b"")),
            ),
        ]
        indexes = [
            models.Index(fields=["not_before"], name="messaging_staffmail_due", condition=Q(state="queued")),
            models.Index(fields=["lease_until"], name="messaging_staffmail_leases", condition=Q(state__in=IN_FLIGHT)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.state} {self.pk}"
