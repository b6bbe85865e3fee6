"""Which provider carries a practice's messages, and what providers tell us afterwards."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from messaging.models.outbox import OutboxMessage
from patients.models import Channel
from prm import clock
from prm.tenancy.models import PracticeForeignKey, PracticeModel
from prm.tenancy.walls import SamePractice


class ChannelSettings(PracticeModel):
    """The provider of one channel of one practice; without a row it is `preview`, which sends nothing."""

    channel = models.CharField(max_length=5, choices=Channel)
    provider = models.CharField(max_length=12)  # a name of messaging.channels
    sender_name = models.CharField(max_length=120, blank=True)
    sender_address = models.CharField(max_length=254, blank=True)
    reply_to = models.CharField(max_length=254, blank=True)
    options = models.JSONField(default=dict, blank=True)  # host, port and the like; public keys of webhooks
    credentials = models.BinaryField(default=b"", editable=False)  # sealed JSON; never shown again
    failures = models.PositiveSmallIntegerField(default=0)  # in a row; five open the circuit breaker
    changed_at = models.DateTimeField(default=clock.now)

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(fields=["practice", "channel"], name="messaging_channelsettings_channel"),
        ]

    def __str__(self) -> str:
        return f"{self.channel} by {self.provider}"


class ProviderEvent(PracticeModel):
    """One POST of a provider, raw and encrypted, stored before anything is understood."""

    class State(models.TextChoices):
        STORED = "stored", _("Stored")
        DONE = "done", _("Done")
        DEAD = "dead", _("Not understood")

    at = models.DateTimeField(default=clock.now)
    provider = models.CharField(max_length=12)
    stale = models.BooleanField(default=False)  # signed more than five minutes before: may only make state stricter
    body = models.BinaryField()
    state = models.CharField(max_length=6, choices=State, default=State.STORED)
    events = models.PositiveIntegerField(default=0)
    problem = models.CharField(max_length=200, blank=True)

    class Meta(PracticeModel.Meta):
        constraints = [PracticeModel.Meta.constraints[0]]
        indexes = [
            models.Index(fields=["practice", "at"], name="messaging_providerevent_open", condition=~Q(state="done")),
        ]

    def __str__(self) -> str:
        return f"{self.provider} post {self.pk}"


class ProviderEventKey(PracticeModel):
    """The natural key of one event, so that it counts once however often and in whatever order it is told."""

    key = models.CharField(max_length=64)  # SHA-256 over what makes it the same event
    provider = models.CharField(max_length=12)
    kind = models.CharField(max_length=24)
    message = PracticeForeignKey(OutboxMessage, models.CASCADE, related_name="events")
    at = models.DateTimeField()  # the provider's time
    event = models.UUIDField()  # the ProviderEvent that told it first
    code = models.CharField(max_length=60, blank=True)
    text = models.CharField(max_length=300, blank=True)  # without addresses

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(fields=["practice", "key"], name="messaging_providereventkey_once"),
            SamePractice(field="message", name="messaging_providereventkey_message_same_practice"),
        ]
        indexes = [models.Index(fields=["practice", "message", "at"], name="messaging_providereventkey_of")]

    def __str__(self) -> str:
        return f"{self.kind} {self.at:%Y-%m-%d %H:%M}"
