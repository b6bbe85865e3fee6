"""What a message says: templates and their versions."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from patients.models import Channel
from prm import clock
from prm.tenancy.models import PracticeForeignKey, PracticeManager, PracticeModel
from prm.tenancy.walls import SamePractice


class MessagePurpose(models.TextChoices):
    """Why a message is sent, in the terms of 45 CFR 164.501; treatment needs consent `care`, the others `marketing`."""

    TREATMENT = "treatment", _("Treatment")
    OWN_HEALTH_SERVICE = "own_health_service", _("Our own health services")
    AUTHORISED_MARKETING = "authorised_marketing", _("Marketing with a signed authorisation")


class Topic(models.TextChoices):
    """What a message is about, as patients choose it in their preferences."""

    VISITS = "visits", _("Visits")
    EXERCISES = "exercises", _("Exercises")
    SURVEYS = "surveys", _("Surveys")
    MESSAGES = "messages", _("Messages")
    NEWS = "news", _("News")


class Klass(models.TextChoices):
    """How urgent a message is, and which guards it passes (messaging.md §1)."""

    SECURITY = "security", _("Security")  # a link the patient asked for
    DIRECT = "direct", _("Direct")  # a person wrote
    CARE = "care", _("Care")
    MARKETING = "marketing", _("Marketing")


class Template(PracticeModel):
    """A message that can be sent again and again; what it says stands in its versions."""

    key = models.SlugField(max_length=60)  # such as `survey`, `review_request`; unique in the practice
    name = models.CharField(max_length=120)
    channel = models.CharField(max_length=5, choices=Channel)
    klass = models.CharField(max_length=9, choices=Klass, default=Klass.CARE)
    purpose = models.CharField(max_length=20, choices=MessagePurpose, default=MessagePurpose.TREATMENT)
    topic = models.CharField(max_length=9, choices=Topic)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(fields=["practice", "key"], name="messaging_template_key"),
        ]

    def __str__(self) -> str:
        return self.name


class TemplateVersion(PracticeModel):
    """One published wording. Never changed: an edit makes the next one; what is queued keeps the version it has.

    `content`: the blocks or the text, `{"v": 1, "lang": {"en": {"subject", "preheader", "blocks": […]}, …}}`.
    `compiled`: what sending reads, `{"en": {"subject", "preheader", "html", "text"}, …}`, Liquid with merge fields.
    """

    template = PracticeForeignKey(Template, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    content = models.JSONField()
    compiled = models.JSONField()
    fields = models.JSONField(default=list)  # names of the merge fields in it
    content_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    objects = PracticeManager()

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(fields=["practice", "template", "number"], name="messaging_templateversion_number"),
            SamePractice(field="template", name="messaging_templateversion_template_same_practice"),
        ]

    def __str__(self) -> str:
        return f"version {self.number} of {self.template_id}"

    @property
    def languages(self) -> list[str]:
        """The languages that it speaks, such as `["en", "es"]`."""
        return sorted(self.compiled)
