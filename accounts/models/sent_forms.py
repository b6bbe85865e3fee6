"""Forms of staff between two requests: those that had their effect, and those that met a closed door."""

import json
from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models

from accounts.models.users import User
from prm import clock, crypto
from prm.tenancy.models import PracticeModel

SWEPT = 100  # rows past their time that one request removes


class _Passing(PracticeModel):
    """A row that is of use for some hours; what is past its time goes with later writes of the practice."""

    LASTS: ClassVar[timedelta]
    export_leaves_out = True

    at = models.DateTimeField(default=clock.now)

    class Meta(PracticeModel.Meta):
        abstract = True

    @classmethod
    def sweep(cls, *, now: datetime, most: int = SWEPT) -> int:
        """Remove some rows past their time, but for those that another request is removing; how many."""
        old = cls.objects.filter(at__lt=now - cls.LASTS).order_by("at").select_for_update(skip_locked=True)
        return cls.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:most])).delete()[0]


class SentForm(_Passing):
    """A form that created something: sent again, it leads to where the first time led (`accounts.once`)."""

    LASTS = timedelta(hours=24)

    key = models.CharField(max_length=64)  # SHA-256 of person, address, the form's token and all that was typed
    leads_to = models.CharField(max_length=500)

    class Meta(_Passing.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(fields=["practice", "key"], name="accounts_sentform_once"),
        ]
        indexes = [models.Index(fields=["practice", "at"], name="accounts_sentform_age")]

    def __str__(self) -> str:
        return f"form sent {self.at:%Y-%m-%d %H:%M}"


class KeptText(_Passing):
    """What a person typed into a form that was not taken, for this person alone, once (`accounts.kept`)."""

    LASTS = timedelta(hours=1)

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    page = models.CharField(max_length=500)  # the page with the form, with its query
    action = models.CharField(max_length=500)  # where the form goes
    fields = models.BinaryField()  # encrypted: JSON, name to values

    class Meta(_Passing.Meta):
        indexes = [models.Index(fields=["practice", "at"], name="accounts_kepttext_age")]

    def __str__(self) -> str:
        return f"text kept {self.at:%Y-%m-%d %H:%M}"

    @property
    def typed(self) -> dict[str, list[str]]:
        """Field to its values, as they were sent."""
        found: dict[str, list[str]] = json.loads(crypto.open_text(self, "fields"))
        return found

    def seal(self, typed: dict[str, list[str]]) -> None:
        """Set what was typed."""
        crypto.seal_text(self, "fields", json.dumps(typed))
