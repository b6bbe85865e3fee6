"""The answers that are kept for callers who ask twice."""

from datetime import timedelta

from django.db import models

from prm.tenancy.models import PracticeModel


class KeptAnswer(PracticeModel):
    """What one POST with an Idempotency-Key was answered, for a day. The body is encrypted: it may name patients.

    `key_id`: the API key, which lives in an upper app. While the first request is under way its row is not yet
    committed, and a twin waits for it at the unique index.
    """

    LASTS = timedelta(hours=24)

    key_id = models.UUIDField()
    token = models.CharField(max_length=128)  # the header's value
    fingerprint = models.CharField(max_length=64)  # SHA-256 of method, address and body
    status = models.PositiveSmallIntegerField(default=0)
    sealed_body = models.BinaryField(default=bytes)
    headers = models.JSONField(default=dict)
    created_at = models.DateTimeField()

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(fields=["practice", "key_id", "token"], name="api_keptanswer_once"),
        ]
        indexes = [models.Index(fields=["practice", "created_at"], name="api_keptanswer_age")]

    def __str__(self) -> str:
        return f"{self.status} {self.created_at:%Y-%m-%d %H:%M}"
