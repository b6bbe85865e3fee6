"""Practices that are asked for and not confirmed yet."""

from django.db import models

from accounts.models.practices import check_zone
from prm import clock, ids
from prm.tenancy.models import DatabaseUuid7


class SignUp(models.Model):
    """One request to start a practice. Nothing of the practice exists before its link is followed and confirmed.

    Global: there is no practice yet. The link's token is stored as its keyed hash.
    """

    id = models.UUIDField(primary_key=True, default=ids.uuid7, db_default=DatabaseUuid7(), editable=False)
    token_hash = models.CharField(max_length=64, unique=True)
    email = models.EmailField()
    name = models.CharField(max_length=120)
    practice_name = models.CharField(max_length=120)
    time_zone = models.CharField(max_length=64, validators=[check_zone])
    agreement_version = models.CharField(max_length=20)
    address = models.GenericIPAddressField(null=True)
    created_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["address", "created_at"], name="accounts_signup_address"),
            models.Index(fields=["email", "created_at"], name="accounts_signup_email"),
        ]

    def __str__(self) -> str:
        return f"Sign-up {self.pk}"
