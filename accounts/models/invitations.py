"""Who was asked to join a practice, as what, and what came of it."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models.members import Membership, Therapist
from accounts.models.practices import Clinic
from prm import clock
from prm.tenancy.models import PracticeForeignKey, PracticeModel
from prm.tenancy.walls import SamePractice


class Invitation(PracticeModel):
    """One person asked to join, by a link that works once; the newest link only. Written by `accounts.invitations`."""

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        ACCEPTED = "accepted", _("Accepted")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    email = models.EmailField()  # lower case, as User.email
    role = models.CharField(max_length=12, choices=Membership.Role)
    clinics = models.ManyToManyField(Clinic, through="InvitationClinic", related_name="+")  # none means all
    therapist = PracticeForeignKey(Therapist, models.PROTECT, null=True, blank=True, related_name="+")
    invited_by = PracticeForeignKey(Membership, models.PROTECT, related_name="+")
    token_hash = models.CharField(max_length=64)  # HMAC of the newest link's token
    sent = models.PositiveSmallIntegerField(default=1)  # how many links were made
    created_at = models.DateTimeField(default=clock.now, editable=False)
    expires_at = models.DateTimeField()
    state = models.CharField(max_length=9, choices=State, default=State.OPEN)
    settled_at = models.DateTimeField(null=True, blank=True)
    accepted_by = PracticeForeignKey(Membership, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(
                fields=["practice", "email"], condition=Q(state="open"), name="accounts_invitation_one_open"
            ),
            models.UniqueConstraint(fields=["practice", "token_hash"], name="accounts_invitation_token"),
            models.CheckConstraint(
                name="accounts_invitation_settled_has_time",
                condition=Q(state="open", settled_at=None, accepted_by=None)
                | Q(state="withdrawn", settled_at__isnull=False, accepted_by=None)
                | Q(state="accepted", settled_at__isnull=False, accepted_by__isnull=False),
            ),
            SamePractice(field="therapist", name="accounts_invitation_therapist_same_practice"),
            SamePractice(field="invited_by", name="accounts_invitation_invited_by_same_practice"),
            SamePractice(field="accepted_by", name="accounts_invitation_accepted_by_same_practice"),
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.state} {self.pk}"


class InvitationClinic(PracticeModel):
    """One clinic that the invited person will be limited to."""

    invitation = PracticeForeignKey(Invitation, models.CASCADE, related_name="clinic_links")
    clinic = PracticeForeignKey(Clinic, models.CASCADE, related_name="+")

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(fields=["practice", "invitation", "clinic"], name="accounts_invitationclinic_once"),
            SamePractice(field="invitation", name="accounts_invitationclinic_invitation_same_practice"),
            SamePractice(field="clinic", name="accounts_invitationclinic_clinic_same_practice"),
        ]

    def __str__(self) -> str:
        return f"{self.invitation_id} at {self.clinic_id}"
