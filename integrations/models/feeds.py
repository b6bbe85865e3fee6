"""Feeds and their code maps."""

from zoneinfo import ZoneInfo

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Clinic, check_zone
from prm import clock
from prm.tenancy.models import PracticeForeignKey, PracticeModel
from prm.tenancy.walls import SamePractice


class Feed(PracticeModel):
    """One way in. Before it is live its facts cause no message: `live_at` becomes `Episode.live_from`."""

    class Kind(models.TextChoices):
        HL7V2 = "hl7v2", _("HL7 v2")
        FHIR = "fhir", _("FHIR R4")
        CSV = "csv", _("Files (CSV, XLSX)")
        WEBHOOK = "webhook", _("Webhook")
        HAND = "hand", _("By hand")

    class State(models.TextChoices):
        TESTING = "testing", _("Testing")
        LOADING = "loading", _("Loading")
        LIVE = "live", _("Live")
        PAUSED = "paused", _("Paused")

    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=8, choices=Kind)
    preset = models.CharField(max_length=24, blank=True)
    time_zone = models.CharField(max_length=64, validators=[check_zone])
    clinics = models.ManyToManyField(Clinic, through="FeedClinic", related_name="+")  # none: all
    settings = models.JSONField(default=dict, blank=True)
    credentials = models.BinaryField(default=bytes, blank=True)  # encrypted JSON
    cursor = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=8, choices=State, default=State.TESTING)
    is_sample = models.BooleanField(default=False, db_default=False, editable=False)  # brings sample patients alone
    live_at = models.DateTimeField(null=True, blank=True)
    priority = models.PositiveSmallIntegerField(default=50)  # of two feeds the smaller one wins a field group
    last_received_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(fields=["practice", "name"], name="integrations_feed_name"),
            models.CheckConstraint(
                name="integrations_feed_live_has_time",
                condition=~models.Q(state="live") | models.Q(live_at__isnull=False),
            ),
            models.CheckConstraint(
                name="integrations_feed_sample_is_never_live",
                condition=models.Q(is_sample=False) | models.Q(live_at=None),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        """The zone of times without an offset whose clinic is unknown."""
        return ZoneInfo(self.time_zone)


class FeedClinic(PracticeModel):
    """One clinic that a feed is limited to."""

    feed = PracticeForeignKey(Feed, models.CASCADE, related_name="clinic_links")
    clinic = PracticeForeignKey(Clinic, models.CASCADE, related_name="+")

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(fields=["practice", "feed", "clinic"], name="integrations_feedclinic_once"),
            SamePractice(field="feed", name="integrations_feedclinic_feed_same_practice"),
            SamePractice(field="clinic", name="integrations_feedclinic_clinic_same_practice"),
        ]

    def __str__(self) -> str:
        return f"{self.feed_id} at {self.clinic_id}"


class CodeMap(PracticeModel):
    """A source's code as ours, per feed and field; an empty `ours` was seen and waits for a person to map it."""

    feed = PracticeForeignKey(Feed, models.CASCADE, related_name="code_maps")
    field = models.CharField(max_length=24)  # discharge_reason, visit_type, visit_status, payer, cancelled_by
    value = models.CharField(max_length=80)
    ours = models.CharField(max_length=24, blank=True)
    times_seen = models.PositiveIntegerField(default=0)

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(fields=["practice", "feed", "field", "value"], name="integrations_codemap_value"),
            SamePractice(field="feed", name="integrations_codemap_feed_same_practice"),
        ]

    def __str__(self) -> str:
        return f"{self.field}: {self.value} = {self.ours or '?'}"
