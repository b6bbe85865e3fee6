"""Requests for a new link, kept until they are answered and counted."""

from django.db import models
from django.db.models import Q

from prm.tenancy.models import PracticeModel


class LinkRequest(PracticeModel):
    """Somebody asked for a new link at the practice's door; whether we know the address is not asked then.

    The address stands here encrypted until the request is answered; for counting its keyed hash is enough.
    """

    at = models.DateTimeField()
    channel = models.CharField(max_length=5)  # email or sms, by what was typed
    address = models.BinaryField(default=b"", editable=False)  # sealed; emptied with the answer
    address_hash = models.CharField(max_length=64)
    caller_hash = models.CharField(max_length=64, blank=True)  # of the IP address; empty where there is none
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.CheckConstraint(
                name="portal_linkrequest_answered_keeps_no_address",
                condition=Q(answered_at=None) | Q(address=b""),
            ),
        ]
        indexes = [
            models.Index(fields=["practice", "address_hash", "at"], name="portal_linkrequest_address"),
            models.Index(fields=["practice", "caller_hash", "at"], name="portal_linkrequest_caller"),
            models.Index(fields=["practice", "at"], name="portal_linkrequest_open", condition=Q(answered_at=None)),
        ]

    def __str__(self) -> str:
        return f"link request {self.pk}"
