"""Placeholders of feeds that turned out to be therapists whom the practice has already."""

from django.db import models

from accounts.models.members import Therapist
from accounts.models.users import User
from prm import clock
from prm.tenancy.models import PracticeForeignKey, PracticeModel
from prm.tenancy.walls import SamePractice


class TherapistJoin(PracticeModel):
    """A placeholder that was joined with a profile: all that taking it back needs."""

    was = models.UUIDField()  # the placeholder's id; its row is gone while the join holds
    profile = models.JSONField()  # its own columns, as text where JSON has no type
    into = PracticeForeignKey(Therapist, models.PROTECT, related_name="+")
    moved = models.JSONField()  # {"patients.Visit.therapist": [ids], part of accounts.joining: [ids]}
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    at = models.DateTimeField(default=clock.now)
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            SamePractice(field="into", name="accounts_therapistjoin_into_same_practice"),
            models.UniqueConstraint(
                fields=["practice", "was"], condition=models.Q(undone_at=None), name="accounts_therapistjoin_once"
            ),
        ]
        indexes = [models.Index(fields=["practice", "into"], name="accounts_therapistjoin_into")]

    def __str__(self) -> str:
        return f"join into {self.into_id}"
