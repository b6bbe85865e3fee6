"""The programs that a practice lets in."""

from django.db import models
from django.db.models import Q

from accounts.models.users import User
from prm import clock
from prm.tenancy.models import PracticeModel


class ApiKey(PracticeModel):
    """A key of the API: what it may do, until when. The secret is shown once and stored as a keyed hash alone.

    The whole key reads `prm_<practice's public id>_<prefix>_<secret>`, so that the practice is known before the row is
    looked up (security.md §1).
    """

    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=10)  # the part that may be seen, to tell keys apart
    token_hash = models.CharField(max_length=64)
    scopes = models.JSONField(default=list)
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=clock.now, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)  # exact to a minute
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(fields=["practice", "prefix"], name="accounts_apikey_prefix"),
            models.UniqueConstraint(
                fields=["practice", "name"], name="accounts_apikey_name_of_live_one", condition=Q(revoked_at=None)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.prefix}"
