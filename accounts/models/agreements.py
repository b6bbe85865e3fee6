"""What a practice has signed: with the platform, and with the providers that carry or keep its data (daily.md §13)."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models.users import User
from prm import clock, crypto
from prm.tenancy.models import PracticeForeignKey, PracticeModel
from prm.tenancy.walls import SamePractice


class Agreement(PracticeModel):
    """One business associate agreement (45 CFR 164.504(e)), or the word that there is none.

    Those with the platform are only added: each version that was agreed to is a row. A provider has one row, which
    changes. Without a signed one no health information may pass: `acknowledged_at` says when an owner took note.
    """

    class Party(models.TextChoices):
        OPERATOR = "operator", _("This platform")
        SENDGRID = "sendgrid", _("SendGrid (e-mail)")
        TWILIO = "twilio", _("Twilio (text messages)")
        SMTP = "smtp", _("Your own mail server")
        STORAGE = "storage", _("File storage")
        OTHER = "other", _("Another provider")

    class Status(models.TextChoices):
        SIGNED = "signed", _("Signed")
        NONE = "none", _("Not signed")
        REFUSED = "refused", _("The provider refused")

    party = models.CharField(max_length=10, choices=Party)
    name = models.CharField(max_length=80, blank=True)  # of another provider
    status = models.CharField(max_length=8, choices=Status)
    version = models.CharField(max_length=20, blank=True)  # of the platform's text, such as 2026-11
    signatory = models.CharField(max_length=120, blank=True)
    signed_on = models.DateField(null=True, blank=True)
    expires_on = models.DateField(null=True, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    recorded_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    recorded_at = models.DateTimeField(default=clock.now)

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(
                fields=["practice", "party", "name"],
                condition=~Q(party="operator"),
                name="accounts_agreement_one_a_party",
            ),
            models.UniqueConstraint(
                fields=["practice", "version"], condition=Q(party="operator"), name="accounts_agreement_one_a_version"
            ),
            models.CheckConstraint(
                name="accounts_agreement_signed_has_date",
                condition=~Q(status="signed") | Q(signed_on__isnull=False),
            ),
            models.CheckConstraint(
                name="accounts_agreement_platform_is_signed",
                condition=~Q(party="operator") | (Q(status="signed") & ~Q(version="") & ~Q(signatory="")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.party} {self.version} ({self.status})"

    @property
    def label(self) -> str:
        """The other side, as people call it."""
        return self.name or str(self.get_party_display())


class AgreementFile(PracticeModel):
    """The signed paper of an agreement, encrypted; a newer one takes its place."""

    agreement = PracticeForeignKey(Agreement, models.CASCADE, related_name="files")
    name = models.CharField(max_length=160)
    media_type = models.CharField(max_length=40)
    size = models.PositiveIntegerField()  # bytes of the plain file
    sealed = models.BinaryField()
    added_at = models.DateTimeField(default=clock.now)

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(fields=["practice", "agreement"], name="accounts_agreementfile_one_an_agreement"),
            SamePractice(field="agreement", name="accounts_agreementfile_agreement_same_practice"),
        ]

    def __str__(self) -> str:
        return f"File of agreement {self.agreement_id}"

    def seal(self, plain: bytes) -> None:
        """Set the bytes; the practice must be set, since the ciphertext belongs to this row of this practice."""
        self.sealed = crypto.encrypt(plain, **self._place())

    def open(self) -> bytes:
        """The plain bytes. CannotDecrypt for a row that was moved or changed."""
        return crypto.decrypt(self.sealed, **self._place())

    def _place(self) -> dict:
        return {"practice_id": self.practice_id, "table": self._meta.db_table, "row": self.pk, "column": "sealed"}
