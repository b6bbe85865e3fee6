"""When the platform's people may look into a practice."""

from datetime import timedelta

from django.db import models
from django.db.models import F, Q

from accounts.models.members import Membership
from accounts.models.users import User
from prm import clock
from prm.tenancy.models import PracticeModel

SUPPORT_LASTS_AT_MOST = timedelta(hours=72)


class SupportGrant(PracticeModel):
    """An owner lets the platform's operators look into the practice, with the eyes of one role, until a moment.

    Looking is all: a request that would change something is refused, whatever the role (accounts.middleware).
    """

    sees_as = models.CharField(max_length=12, choices=Membership.Role)
    reason = models.CharField(max_length=240)
    granted_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    granted_at = models.DateTimeField(default=clock.now, editable=False)
    until = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.CheckConstraint(
                name="accounts_supportgrant_is_short",
                condition=Q(until__gt=F("granted_at"), until__lte=F("granted_at") + SUPPORT_LASTS_AT_MOST),
            ),
        ]
        indexes = [models.Index(fields=["practice", "-granted_at"], name="accounts_supportgrant_newest")]

    def __str__(self) -> str:
        return f"support until {self.until:%Y-%m-%d %H:%M}"
