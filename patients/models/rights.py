"""What a patient may ask of the practice about the record: amendments, and who was told (45 CFR 164.526, 164.528)."""

from datetime import timedelta

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from patients.models.people import Patient
from prm import clock
from prm.crypto import open_text, seal_text
from prm.tenancy.models import PracticeForeignKey, PracticeModel
from prm.tenancy.walls import SamePractice

ANSWER_WITHIN = timedelta(days=60)  # 45 CFR 164.526(b)(2)


class Amendment(PracticeModel):
    """A patient says that something in the record is wrong. The record keeps what it says, with this beside it."""

    class Decision(models.TextChoices):
        OPEN = "open", _("Not decided")
        ACCEPTED = "accepted", _("Accepted")
        DENIED = "denied", _("Denied")

    patient = PracticeForeignKey(Patient, models.CASCADE, related_name="amendments")
    asked_at = models.DateTimeField(default=clock.now)
    request = models.BinaryField(default=bytes)  # encrypted: what the patient wants changed
    entered_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    decision = models.CharField(max_length=8, choices=Decision, default=Decision.OPEN)
    answer = models.BinaryField(default=bytes)  # encrypted: what was changed, or why not
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            SamePractice(field="patient", name="patients_amendment_patient_same_practice"),
            models.CheckConstraint(
                name="patients_amendment_decided_has_time",
                condition=Q(decision="open", decided_at=None) | (~Q(decision="open") & Q(decided_at__isnull=False)),
            ),
        ]
        indexes = [models.Index(fields=["practice", "patient", "-asked_at"], name="patients_amendment_newest")]

    def __str__(self) -> str:
        return f"amendment {self.pk} {self.decision}"

    @property
    def request_text(self) -> str:
        """What the patient wants changed."""
        return open_text(self, "request")

    @property
    def answer_text(self) -> str:
        """What was changed, or why not; empty until it is decided."""
        return open_text(self, "answer")

    def seal(self, column: str, text: str) -> None:
        """Set `request` or `answer`."""
        seal_text(self, column, text)


class Disclosure(PracticeModel):
    """Somebody outside was told about a patient; `patient` None: the whole practice's patients, as in an export.

    The accounting that a patient may ask for covers six years (45 CFR 164.528).
    """

    class How(models.TextChoices):
        HAND = "hand", _("Entered by staff")
        EXPORT = "export", _("Export")
        DOCUMENT = "document", _("Document sent")

    patient = PracticeForeignKey(Patient, models.CASCADE, null=True, blank=True, related_name="disclosures")
    at = models.DateTimeField()
    recipient = models.BinaryField()  # encrypted: name, and address if known: 164.528(b)(2)(ii)
    what = models.BinaryField()  # encrypted: a brief description: (iii)
    purpose = models.BinaryField()  # encrypted: or a copy of the request: (iv)
    how = models.CharField(max_length=8, choices=How, default=How.HAND)
    by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    entered_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            SamePractice(field="patient", name="patients_disclosure_patient_same_practice"),
        ]
        indexes = [models.Index(fields=["practice", "patient", "-at"], name="patients_disclosure_newest")]

    def __str__(self) -> str:
        return f"disclosure {self.at:%Y-%m-%d}"

    @property
    def recipient_text(self) -> str:
        """Who was told."""
        return open_text(self, "recipient")

    @property
    def what_text(self) -> str:
        """What was told."""
        return open_text(self, "what")

    @property
    def purpose_text(self) -> str:
        """Why."""
        return open_text(self, "purpose")

    def say(self, *, recipient: str, what: str, purpose: str) -> "Disclosure":
        """Set who was told what, and why; returns itself."""
        for column, text in (("recipient", recipient), ("what", what), ("purpose", purpose)):
            seal_text(self, column, text)
        return self
