"""What must not leave: suppressed addresses and paused senders."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from patients.models import Channel
from prm import clock
from prm.tenancy.models import PracticeModel


class Suppression(PracticeModel):
    """An address that gets nothing more of one channel. A changed address has none; lifting keeps the row."""

    class Kind(models.TextChoices):
        HARD_BOUNCE = "hard_bounce", _("Address does not exist")
        SOFT_BOUNCE = "soft_bounce", _("Bounced three times in 30 days")
        COMPLAINT = "complaint", _("Reported as spam")
        UNSUBSCRIBED = "unsubscribed", _("Unsubscribed")
        STOP = "stop", _("Answered STOP")
        INVALID = "invalid", _("Not a valid address")
        LANDLINE = "landline", _("Landline")
        BLOCKED = "blocked", _("Blocked by the receiver")
        UNREACHABLE = "unreachable", _("Unreachable")
        MANUAL = "manual", _("Stopped by staff")
        HELD = "held", _("Held until somebody has read the answer")

    channel = models.CharField(max_length=5, choices=Channel)
    address = models.CharField(max_length=254)
    kind = models.CharField(max_length=12, choices=Kind)
    message = models.UUIDField(null=True, blank=True)  # the outbox row that brought it
    at = models.DateTimeField(default=clock.now)
    until = models.DateTimeField(null=True, blank=True)  # soft bounces lift by themselves
    lifted_at = models.DateTimeField(null=True, blank=True)

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(
                fields=["practice", "channel", "address", "kind"],
                condition=Q(lifted_at=None),
                name="messaging_suppression_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.kind}"


class SendPause(PracticeModel):
    """Nothing leaves for a while: the whole practice, one channel of it, or one campaign (messaging.md §5 step 3)."""

    class Why(models.TextChoices):
        MANUAL = "manual", _("Paused by staff")
        BREAKER = "breaker", _("The provider does not answer")
        CREDENTIALS = "credentials", _("The provider refuses our key")
        HEALTH = "health", _("Too many bounces or complaints")

    channel = models.CharField(max_length=5, choices=Channel, blank=True)  # empty: all
    campaign = models.UUIDField(null=True, blank=True)  # None: all
    marketing_only = models.BooleanField(default=False)
    why = models.CharField(max_length=11, choices=Why)
    at = models.DateTimeField(default=clock.now)
    until = models.DateTimeField(null=True, blank=True)  # None: until a person resumes
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta(PracticeModel.Meta):
        indexes = [models.Index(fields=["practice"], name="messaging_sendpause_live", condition=Q(ended_at=None))]

    def __str__(self) -> str:
        return f"{self.why} {self.channel or 'all channels'}"
