"""Counted links: `/r/<signed id>` leads to a stored address, so that no URL stands in a query."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from messaging.models.outbox import OutboxMessage
from prm import clock
from prm.tenancy.models import PracticeForeignKey, PracticeModel
from prm.tenancy.walls import SamePractice


class Link(PracticeModel):
    """An address that a message leads to, with what its clicks count for. Never one that holds a token."""

    url = models.URLField(max_length=2000)
    label = models.CharField(max_length=60, blank=True)  # what it is, such as `review:google`
    message = PracticeForeignKey(OutboxMessage, models.CASCADE, null=True, blank=True, related_name="links")
    source_kind = models.CharField(max_length=60, blank=True)
    source = models.UUIDField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            SamePractice(field="message", name="messaging_link_message_same_practice"),
        ]
        indexes = [
            models.Index(fields=["practice", "source", "label"], name="messaging_link_source"),
            models.Index(fields=["practice", "message"], name="messaging_link_message"),
        ]

    def __str__(self) -> str:
        return f"{self.label or 'link'} {self.pk}"


class LinkClick(PracticeModel):
    """Somebody or something opened a counted link."""

    class By(models.TextChoices):
        PERSON = "person", _("A person")
        MACHINE = "machine", _("A scanner")

    link = PracticeForeignKey(Link, models.CASCADE, related_name="clicked")
    at = models.DateTimeField(default=clock.now)
    by = models.CharField(max_length=7, choices=By, default=By.PERSON)

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            SamePractice(field="link", name="messaging_linkclick_link_same_practice"),
        ]
        indexes = [models.Index(fields=["practice", "link", "at"], name="messaging_linkclick_of")]

    def __str__(self) -> str:
        return f"click {self.at:%Y-%m-%d %H:%M}"
