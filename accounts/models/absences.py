"""When members are away, and who covers for them."""

from django.db import models
from django.db.models import F, Q

from accounts.models.members import Membership
from prm import clock
from prm.tenancy.models import PracticeForeignKey, PracticeModel
from prm.tenancy.walls import SamePractice


class Absence(PracticeModel):
    """Days on which a member is away, first and last included, in the practice's zone; without a cover: the queue."""

    membership = PracticeForeignKey(Membership, models.CASCADE, related_name="absences")
    starts_on = models.DateField()
    ends_on = models.DateField()
    cover = PracticeForeignKey(Membership, models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.CheckConstraint(name="accounts_absence_ends_later", condition=Q(ends_on__gte=F("starts_on"))),
            models.CheckConstraint(name="accounts_absence_not_own_cover", condition=~Q(cover=F("membership"))),
            SamePractice(field="membership", name="accounts_absence_membership_same_practice"),
            SamePractice(field="cover", name="accounts_absence_cover_same_practice"),
        ]
        indexes = [models.Index(fields=["practice", "ends_on"], name="accounts_absence_ends")]

    def __str__(self) -> str:
        return f"{self.starts_on} to {self.ends_on}"
