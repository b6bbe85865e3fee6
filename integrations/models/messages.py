"""Raw messages: the narrow row with the dedupe key, the encrypted body beside it; imports and their bad rows."""

import zlib
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from integrations.models.feeds import Feed
from prm import clock, crypto
from prm.tenancy.models import PracticeForeignKey, PracticeModel
from prm.tenancy.walls import SamePractice


class ImportBatch(PracticeModel):
    """One upload, bulk job or poll run: how far it is and what became of its messages.

    Of a file of rows also: its layout (`fingerprint`), rows read and bad, how many are stored as chunks (`done_rows`),
    the answers of a person (`mapping`), and why it is held (`code`, `reason`).
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        HELD = "held", _("Held")
        CANCELLED = "cancelled", _("Cancelled")
        UNDONE = "undone", _("Undone")

    feed = PracticeForeignKey(Feed, models.CASCADE, related_name="batches")
    name = models.CharField(max_length=160, blank=True)
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    total = models.PositiveIntegerField(default=0)
    counts = models.JSONField(default=dict)  # outcome to number
    rejected = models.JSONField(default=list)  # [{ref, code, reason}]: what was not stored
    started_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=clock.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    kind = models.CharField(max_length=16, blank=True)  # of a file of rows: facts, or one of integrations.imports
    code = models.CharField(max_length=32, blank=True)  # why it is held
    reason = models.CharField(max_length=300, blank=True)
    fingerprint = models.CharField(max_length=16, blank=True)
    digest = models.CharField(max_length=64, blank=True)  # SHA-256 of the rows as read
    extract_at = models.DateTimeField(null=True)  # when the file was made
    rows = models.PositiveIntegerField(default=0)
    bad_rows = models.PositiveIntegerField(default=0)
    done_rows = models.PositiveIntegerField(default=0)
    mapping = models.JSONField(default=dict, blank=True)

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            SamePractice(field="feed", name="integrations_importbatch_feed_same_practice"),
        ]
        indexes = [models.Index(fields=["practice", "feed", "-created_at"], name="integrations_importbatch_feed")]

    def __str__(self) -> str:
        return f"{self.name} ({self.state})"


class ImportPart(PracticeModel):
    """A piece of an uploaded file, compressed and encrypted, until its rows are stored as chunks or it is given up."""

    SIZE: ClassVar[int] = 1 << 20

    batch = PracticeForeignKey(ImportBatch, models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField()
    body = models.BinaryField()

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(fields=["practice", "batch", "number"], name="integrations_importpart_number"),
            SamePractice(field="batch", name="integrations_importpart_batch_same_practice"),
        ]

    def __str__(self) -> str:
        return f"Part {self.number} of {self.batch_id}"

    def seal(self, raw: bytes) -> None:
        """Set the body. The practice must be set: the ciphertext belongs to this row of this practice."""
        self.body = crypto.encrypt(
            zlib.compress(raw, 1), practice_id=self.practice_id, table=self._meta.db_table, row=self.pk, column="body"
        )

    def open(self) -> bytes:
        """The bytes as they came."""
        return zlib.decompress(
            crypto.decrypt(
                self.body, practice_id=self.practice_id, table=self._meta.db_table, row=self.pk, column="body"
            )
        )


class RowError(PracticeModel):
    """One bad row of a file: where, what was seen (encrypted excerpt), what was expected."""

    batch = PracticeForeignKey(ImportBatch, models.CASCADE, related_name="errors")
    row = models.PositiveIntegerField()
    column = models.CharField(max_length=80, blank=True)
    code = models.CharField(max_length=32)
    seen = models.BinaryField(default=bytes)  # encrypted
    expected = models.CharField(max_length=160, blank=True)

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            SamePractice(field="batch", name="integrations_rowerror_batch_same_practice"),
        ]
        indexes = [models.Index(fields=["practice", "batch", "row"], name="integrations_rowerror_row")]

    def __str__(self) -> str:
        return f"row {self.row}: {self.code}"

    def seal(self, text: str) -> None:
        """Set what was seen, cut to an excerpt."""
        self.seen = crypto.encrypt(
            text[:200].encode("utf-8", "replace"), practice_id=self.practice_id, table=self._meta.db_table, row=self.pk,
            column="seen",
        )  # fmt: skip

    def text(self) -> str:
        """What was seen."""
        if not self.seen:
            return ""
        return crypto.decrypt(
            self.seen, practice_id=self.practice_id, table=self._meta.db_table, row=self.pk, column="seen"
        ).decode()


class RawMessage(PracticeModel):
    """One message as it came: durable before it is acknowledged, applied later. The body: RawMessageBody."""

    class State(models.TextChoices):
        STORED = "stored", _("Waiting")
        APPLIED = "applied", _("Applied")
        IGNORED = "ignored", _("Not used")
        DEAD = "dead", _("Needs a look")
        EXPIRED = "expired", _("Expired")

    feed = PracticeForeignKey(Feed, models.CASCADE, related_name="messages")
    batch = PracticeForeignKey(ImportBatch, models.SET_NULL, null=True, blank=True, related_name="messages")
    received_at = models.DateTimeField()
    source_ts = models.DateTimeField(null=True)  # as used for order, clamped
    kind = models.CharField(max_length=24, blank=True)  # ADT^A03, Encounter
    control_id = models.CharField(max_length=60, blank=True)
    dedupe_key = models.CharField(max_length=64)  # SHA-256 of the canonical bytes
    size = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=8, choices=State, default=State.STORED)
    code = models.CharField(max_length=32, blank=True)
    reason = models.CharField(max_length=300, blank=True)  # for a person, without PHI
    where = models.CharField(max_length=120, blank=True)  # the segment and field, or the path
    flags = models.JSONField(default=list)
    entities = models.JSONField(default=dict)  # kind of thing to number
    waits_for = models.CharField(max_length=160, blank=True)  # the patient's key that another message must bring
    attempts = models.PositiveSmallIntegerField(default=0)
    parser_version = models.PositiveSmallIntegerField(default=0)
    applied_at = models.DateTimeField(null=True, blank=True)
    note = models.BinaryField(default=bytes)  # encrypted: why a person let a dead letter rest
    handled_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(fields=["practice", "feed", "dedupe_key"], name="integrations_rawmessage_once"),
            SamePractice(field="feed", name="integrations_rawmessage_feed_same_practice"),
            SamePractice(field="batch", name="integrations_rawmessage_batch_same_practice"),
        ]
        indexes = [
            models.Index(
                fields=["practice", "feed", "received_at", "id"],
                name="integrations_rawmessage_todo",
                condition=models.Q(state="stored"),
            ),
            models.Index(fields=["practice", "feed", "state", "-received_at"], name="integrations_rawmessage_state"),
            models.Index(fields=["practice", "batch"], name="integrations_rawmessage_batch"),
            models.Index(
                fields=["practice", "feed", "waits_for"],
                name="integrations_rawmessage_waits",
                condition=~models.Q(waits_for=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind or 'message'} ({self.state})"

    @property
    def note_text(self) -> str:
        """Why a person let it rest; empty where nobody did."""
        return crypto.open_text(self, "note")


class RawMessageBody(PracticeModel):
    """The bytes of a raw message, compressed and encrypted, in monthly partitions. Its id is the message's."""

    at = models.DateTimeField()
    body = models.BinaryField()

    class Meta(PracticeModel.Meta):
        constraints = [PracticeModel.Meta.constraints[0]]

    def __str__(self) -> str:
        return f"Body {self.pk}"

    def seal(self, raw: bytes) -> None:
        """Set the body. The practice must be set: the ciphertext belongs to this row of this practice."""
        self.body = crypto.encrypt(
            zlib.compress(raw, 1), practice_id=self.practice_id, table=self._meta.db_table, row=self.pk, column="body"
        )

    def open(self) -> bytes:
        """The bytes as they came. CannotDecrypt for a body that was moved or changed."""
        return zlib.decompress(
            crypto.decrypt(
                self.body, practice_id=self.practice_id, table=self._meta.db_table, row=self.pk, column="body"
            )
        )
