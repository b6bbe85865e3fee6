"""Who changed which setting, from what to what: what a stale edit is held against, and what the page tells."""

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from accounts.models.users import User
from prm import clock
from prm.tenancy.models import PracticeModel


class SettingsChange(PracticeModel):
    """One saved edit of the practice or a clinic: it made `version` of the row `subject`. Never changed afterwards."""

    subject = models.UUIDField()  # the practice's or the clinic's id
    version = models.PositiveIntegerField()
    at = models.DateTimeField(default=clock.now)
    by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")  # None: an API key
    fields = models.JSONField(default=dict, encoder=DjangoJSONEncoder)  # {name: [old, new]}; no PHI among settings

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(fields=["practice", "subject", "version"], name="accounts_settingschange_version"),
        ]

    def __str__(self) -> str:
        return f"version {self.version} of {self.subject}"


class Logo(PracticeModel):
    """A practice's logo as everybody gets it: re-encoded by us. Old ones stay, mails that were sent show them."""

    plain_columns = ("content",)  # no secret: everybody may fetch it

    digest = models.CharField(max_length=64)  # SHA-256 of `content`, in hexadecimal; part of the public address
    content = models.BinaryField()  # PNG, at most brand.LARGEST pixels
    width = models.PositiveSmallIntegerField()
    height = models.PositiveSmallIntegerField()
    at = models.DateTimeField(default=clock.now)

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(fields=["practice", "digest"], name="accounts_logo_once"),
        ]

    def __str__(self) -> str:
        return f"logo {self.digest[:8]}"
