"""Who is who: dated edges between external ids, and pairs that a person must look at."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership
from integrations.models.feeds import Feed
from patients.models import Patient
from prm import clock
from prm.tenancy.models import PracticeForeignKey, PracticeModel
from prm.tenancy.walls import SamePractice


class IdentityLink(PracticeModel):
    """An edge between two external ids: the same person (alias, match), or the first merged into the second.

    The ends may be of two feeds. `state` is the merge state of the edge (facts.State); `order` the moment of the
    statement that holds.
    """

    feed = PracticeForeignKey(Feed, models.CASCADE, related_name="identity_links")
    target_feed = PracticeForeignKey(Feed, models.CASCADE, related_name="+")
    source_key = models.CharField(max_length=160)  # the id that is retired, or the second name
    target_key = models.CharField(max_length=160)  # the id that survives, or the first name
    cause = models.CharField(max_length=8)  # alias, A40, A34, …, link (FHIR), review; DECIDED_CAUSES (identity.py)
    owner_key = models.CharField(max_length=160, blank=True)  # the FHIR Patient whose `link` says it
    linked = models.BooleanField(default=True)
    order = models.CharField(max_length=80)
    state = models.JSONField(default=dict)
    last_raw_id = models.UUIDField(null=True)
    at = models.DateTimeField(default=clock.now)

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(
                fields=["practice", "feed", "source_key", "target_feed", "target_key"],
                name="integrations_identitylink_edge",
            ),
            SamePractice(field="feed", name="integrations_identitylink_feed_same_practice"),
            SamePractice(field="target_feed", name="integrations_identitylink_target_feed_same_practice"),
        ]
        indexes = [models.Index(fields=["practice", "target_feed", "target_key"], name="integrations_identitylink_end")]

    def __str__(self) -> str:
        return f"Edge ({self.cause})"


class MatchCandidate(PracticeModel):
    """Two patients who may be one; a person decides."""

    class State(models.TextChoices):
        OPEN = "open", _("To review")
        LINKED = "linked", _("One person")
        REJECTED = "rejected", _("Two people")

    one = PracticeForeignKey(Patient, models.CASCADE, related_name="+")
    other = PracticeForeignKey(Patient, models.CASCADE, related_name="+")
    score = models.SmallIntegerField(default=0)  # bits (integrations.md §5)
    evidence = models.JSONField(default=dict)  # names of what agrees and differs, no values
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    decided_by = PracticeForeignKey(Membership, models.PROTECT, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(fields=["practice", "one", "other"], name="integrations_matchcandidate_pair"),
            SamePractice(field="one", name="integrations_matchcandidate_one_same_practice"),
            SamePractice(field="other", name="integrations_matchcandidate_other_same_practice"),
            SamePractice(field="decided_by", name="integrations_matchcandidate_decided_by_same_practice"),
        ]

    def __str__(self) -> str:
        return f"Match ({self.state})"
