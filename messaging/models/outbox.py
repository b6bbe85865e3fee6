"""The outbox: narrow rows with their state, the bodies as sent, and each call to a provider (messaging.md §1)."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership
from messaging.channels import Result
from messaging.models.templates import Klass, MessagePurpose, TemplateVersion, Topic
from patients import scope
from patients.models import Channel, Patient
from prm import clock
from prm.tenancy.models import PracticeForeignKey, PracticeManager, PracticeModel, PracticeQuerySet
from prm.tenancy.walls import SamePractice

IN_FLIGHT = ("claimed", "started")


class OutboxQuerySet(PracticeQuerySet):
    """Questions about messages."""

    def visible_to(self, viewer: scope.Viewer) -> "OutboxQuerySet":
        """Those to patients whom the viewer may see, and those to staff."""
        return self.filter(scope.sees_person(viewer))

    def waiting(self) -> "OutboxQuerySet":
        """Not decided for good: queued, on their way, or held until a person acts."""
        return self.filter(state__in=("queued", "claimed", "started", "held"))

    def due(self, channel: str, at: object) -> "OutboxQuerySet":
        """Queued on a channel with their time come at `at` (aware)."""
        return self.filter(state=OutboxMessage.State.QUEUED, channel=channel, not_before__lte=at)


class OutboxMessage(PracticeModel):
    """One message to one person. Written by `messaging.outbox.queue`, moved on by `messaging.outbox.deliver`."""

    class State(models.TextChoices):
        """Our call."""

        QUEUED = "queued", _("Queued")
        CLAIMED = "claimed", _("Being sent")
        STARTED = "started", _("Being sent now")
        SENT = "sent", _("Sent")
        FAILED = "failed", _("Failed")
        UNKNOWN = "unknown", _("Unknown")
        SUPPRESSED = "suppressed", _("Not sent")
        HELD = "held", _("Held")
        EXPIRED = "expired", _("Expired")
        CANCELLED = "cancelled", _("Cancelled")

    class Delivery(models.TextChoices):
        """The provider's story, by rank (e-mail); SMS have ranks of their own."""

        NONE = "none", _("No word yet")
        ACCEPTED = "accepted", _("Accepted")
        DEFERRED = "deferred", _("Delayed")
        DELIVERED = "delivered", _("Delivered")
        BLOCKED = "blocked", _("Blocked")
        BOUNCED = "bounced", _("Bounced")
        DROPPED = "dropped", _("Dropped")

    class Outcome(models.TextChoices):
        """What the guard decided last."""

        SEND = "send", _("Send")
        DEFER = "defer", _("Later")
        DROP = "drop", _("Do not send")
        HOLD = "hold", _("Hold")

    channel = models.CharField(max_length=7, choices=Channel)
    klass = models.CharField(max_length=9, choices=Klass)
    purpose = models.CharField(max_length=20, choices=MessagePurpose)
    topic = models.CharField(max_length=9, choices=Topic)
    language = models.CharField(max_length=5, default="en")
    patient = PracticeForeignKey(Patient, models.PROTECT, null=True, blank=True, related_name="outbox")
    member = PracticeForeignKey(Membership, models.PROTECT, null=True, blank=True, related_name="outbox")
    address = models.CharField(max_length=254, blank=True)  # as decided last: lower-case e-mail, or E.164
    template_version = PracticeForeignKey(
        TemplateVersion, models.PROTECT, null=True, blank=True, related_name="messages"
    )
    dedupe_key = models.CharField(max_length=200)
    campaign = models.UUIDField(null=True, blank=True)  # a rule or broadcast; opaque here
    source_kind = models.CharField(
        max_length=60, blank=True
    )  # model label of what asked for it, such as nps.surveyinvitation
    source = models.UUIDField(null=True, blank=True)
    context = models.BinaryField(
        default=b"", editable=False
    )  # sealed merge values or text; emptied once the body is kept
    created_at = models.DateTimeField(default=clock.now, editable=False)
    not_before = models.DateTimeField()
    expires_at = models.DateTimeField()

    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    state_at = models.DateTimeField(default=clock.now)
    attempts = models.PositiveSmallIntegerField(default=0)
    claim = models.UUIDField(null=True, blank=True)  # whose lease it is; an outcome is written by its holder only
    lease_until = models.DateTimeField(null=True, blank=True)
    verdict = models.CharField(max_length=5, choices=Outcome, blank=True)
    verdict_step = models.PositiveSmallIntegerField(null=True, blank=True)  # messaging.md §5, 1-10
    reason = models.CharField(max_length=40, blank=True)  # of the verdict, or of the provider's refusal
    facts = models.JSONField(default=dict, blank=True)

    delivery = models.CharField(max_length=11, choices=Delivery, default=Delivery.NONE)
    delivery_at = models.DateTimeField(null=True, blank=True)
    provider = models.CharField(max_length=12, blank=True)
    provider_id = models.CharField(max_length=120, blank=True)
    opens = models.PositiveIntegerField(default=0)
    machine_opens = models.PositiveIntegerField(default=0)
    clicks = models.PositiveIntegerField(default=0)
    bot_clicks = models.PositiveIntegerField(default=0)

    objects = PracticeManager.from_queryset(OutboxQuerySet)()

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(fields=["practice", "dedupe_key"], name="messaging_outboxmessage_dedupe"),
            # One call a person and one a number at a time: closes the race in caps and keeps the order.
            models.UniqueConstraint(
                fields=["practice", "channel", "patient"],
                condition=Q(state__in=IN_FLIGHT, patient__isnull=False),
                name="messaging_outboxmessage_one_in_flight_a_patient",
            ),
            models.UniqueConstraint(
                fields=["practice", "channel", "address"],
                condition=Q(state__in=IN_FLIGHT) & ~Q(address=""),
                name="messaging_outboxmessage_one_in_flight_an_address",
            ),
            models.CheckConstraint(
                name="messaging_outboxmessage_lease_in_flight",
                condition=Q(state__in=IN_FLIGHT, claim__isnull=False, lease_until__isnull=False)
                | (~Q(state__in=IN_FLIGHT) & Q(claim=None, lease_until=None)),
            ),
            models.CheckConstraint(
                name="messaging_outboxmessage_one_person", condition=Q(patient=None) | Q(member=None)
            ),
            models.CheckConstraint(
                name="messaging_outboxmessage_unsent_has_reason",
                condition=~Q(state__in=("suppressed", "held", "failed", "expired", "cancelled")) | ~Q(reason=""),
            ),
            SamePractice(field="patient", name="messaging_outboxmessage_patient_same_practice"),
            SamePractice(field="member", name="messaging_outboxmessage_member_same_practice"),
            SamePractice(field="template_version", name="messaging_outboxmessage_template_version_same_practice"),
        ]
        indexes = [
            models.Index(
                fields=["practice", "channel", "not_before"],
                name="messaging_outboxmessage_due",
                condition=Q(state="queued"),
            ),
            models.Index(
                fields=["practice", "lease_until"],
                name="messaging_outboxmessage_leases",
                condition=Q(state__in=IN_FLIGHT),
            ),
            models.Index(fields=["practice", "patient", "-created_at"], name="messaging_outbox_patient"),
            models.Index(
                fields=["practice", "address", "state_at"],
                name="messaging_outbox_capped",  # what reached a phone number lately, or will
                condition=Q(
                    channel="sms",
                    klass__in=("care", "marketing"),
                    state__in=("queued", "claimed", "started", "sent", "unknown"),
                ),
            ),
            models.Index(fields=["practice", "state", "-created_at"], name="messaging_outbox_state"),
            models.Index(fields=["practice", "-created_at"], name="messaging_outbox_newest"),
            models.Index(
                fields=["practice", "source"], name="messaging_outbox_source", condition=Q(source__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.state} {self.pk}"


class OutboxBody(PracticeModel):
    """What one message said, encrypted, exactly as sent; gone with its month after 13 months.

    Its `id` is the message's and its `at` the message's `created_at`: the key finds the partition, and a retry
    finds the body.
    """

    at = models.DateTimeField()
    content = models.BinaryField()  # sealed JSON: subject, html, text, headers

    class Meta(PracticeModel.Meta):
        constraints = [PracticeModel.Meta.constraints[0]]

    def __str__(self) -> str:
        return f"body of {self.pk}"


class DeliveryAttempt(PracticeModel):
    """One call to a provider for one message; messages of one call share `call`."""

    message = PracticeForeignKey(OutboxMessage, models.CASCADE, related_name="attempt_rows")
    number = models.PositiveSmallIntegerField()
    call = models.UUIDField()
    provider = models.CharField(max_length=12)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    result = models.CharField(max_length=7, choices=Result, default=Result.OPEN)
    http = models.PositiveSmallIntegerField(null=True, blank=True)
    code = models.CharField(max_length=40, blank=True)
    text = models.CharField(max_length=300, blank=True)  # the provider's words without addresses

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(fields=["practice", "message", "number"], name="messaging_deliveryattempt_number"),
            SamePractice(field="message", name="messaging_deliveryattempt_message_same_practice"),
        ]

    def __str__(self) -> str:
        return f"attempt {self.number}: {self.result}"
