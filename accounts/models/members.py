"""Who works in a practice, and as what."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.practices import Clinic
from accounts.models.users import User
from prm.tenancy.models import PracticeForeignKey, PracticeModel
from prm.tenancy.walls import SamePractice


class Therapist(PracticeModel):
    """A treating therapist, with or without a user of his own; a placeholder has `named` false."""

    first_name = models.CharField(max_length=80, blank=True)
    last_name = models.CharField(max_length=80, blank=True)
    credential = models.CharField(max_length=8, blank=True)  # PT, PTA, OT, OTA, SLP, ATC
    npi = models.CharField(max_length=10, blank=True)
    named = models.BooleanField(default=True)

    class Meta(PracticeModel.Meta):
        indexes = [models.Index(fields=["practice", "last_name"], name="accounts_therapist_name")]

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or "Therapist without a name"

    @property
    def short_name(self) -> str:
        """“Priya N.”: as lists show it."""
        return f"{self.first_name} {self.last_name[:1]}.".strip() if self.last_name else str(self)


class Membership(PracticeModel):
    """A user's place in a practice: role, clinics (none means all), therapist profile."""

    class Role(models.TextChoices):
        OWNER = "owner", _("Owner")
        MANAGER = "manager", _("Manager")
        THERAPIST = "therapist", _("Therapist")
        FRONT_DESK = "front_desk", _("Front desk")
        READ_ONLY = "read_only", _("Read only")

    user = models.ForeignKey(User, models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=12, choices=Role)
    clinics = models.ManyToManyField(Clinic, through="MembershipClinic", related_name="+")
    therapist = PracticeForeignKey(Therapist, models.PROTECT, null=True, blank=True, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(fields=["practice", "user"], name="accounts_membership_one_a_user"),
            SamePractice(field="therapist", name="accounts_membership_therapist_same_practice"),
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.pk}"


class MembershipClinic(PracticeModel):
    """One clinic that a member is limited to."""

    membership = PracticeForeignKey(Membership, models.CASCADE, related_name="clinic_links")
    clinic = PracticeForeignKey(Clinic, models.CASCADE, related_name="+")

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            models.UniqueConstraint(fields=["practice", "membership", "clinic"], name="accounts_membershipclinic_once"),
            SamePractice(field="membership", name="accounts_membershipclinic_membership_same_practice"),
            SamePractice(field="clinic", name="accounts_membershipclinic_clinic_same_practice"),
        ]

    def __str__(self) -> str:
        return f"{self.membership_id} at {self.clinic_id}"
