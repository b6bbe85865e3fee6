"""The merge state: what a feed has said about each of its things."""

from django.db import models

from integrations.models.feeds import Feed
from prm.tenancy.models import DatabaseClock, PracticeForeignKey, PracticeModel
from prm.tenancy.walls import SamePractice


class SourceRecord(PracticeModel):
    """One thing of a feed by its external id; `state` is facts.State, `row_id` the row that it became with us.

    Records of the feed by hand may bear another feed's thing as `key` (`sources.global_key`).
    """

    feed = PracticeForeignKey(Feed, models.CASCADE, related_name="records")
    entity = models.CharField(max_length=10)  # patient, episode, visit, closing, request, condition, …
    key = models.CharField(max_length=160)
    patient_key = models.CharField(max_length=160, blank=True)  # whose thing it is now; for a patient its own key
    state = models.JSONField(default=dict)
    row_id = models.UUIDField(null=True)  # Patient, Episode, Visit, Therapist or Clinic
    last_raw_id = models.UUIDField(null=True)
    changed_at = models.DateTimeField(db_default=DatabaseClock(), editable=False)

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(fields=["practice", "feed", "entity", "key"], name="integrations_sourcerecord_key"),
            SamePractice(field="feed", name="integrations_sourcerecord_feed_same_practice"),
        ]
        indexes = [
            models.Index(
                fields=["practice", "feed", "patient_key"],
                name="integrations_sourcerecord_of",
                condition=~models.Q(patient_key=""),
            ),
            models.Index(fields=["practice", "row_id"], name="integrations_sourcerecord_row"),
        ]

    def __str__(self) -> str:
        return f"{self.entity} of feed {self.feed_id}"
