"""Who works in a practice, and as what."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts import npi
from accounts.models.practices import Clinic
from accounts.models.users import User
from prm.tenancy.models import PracticeForeignKey, PracticeModel
from prm.tenancy.walls import SamePractice


class Therapist(PracticeModel):
    """A treating therapist, with or without a user of his own; a placeholder has `named` false (daily.md §12)."""

    class Credential(models.TextChoices):
        PT = "PT", _("Physical therapist (PT)")
        PTA = "PTA", _("Physical therapist assistant (PTA)")
        OT = "OT", _("Occupational therapist (OT)")
        OTA = "OTA", _("Occupational therapy assistant (OTA)")
        SLP = "SLP", _("Speech-language pathologist (SLP)")
        ATC = "ATC", _("Athletic trainer (ATC)")

    first_name = models.CharField(max_length=80, blank=True)
    last_name = models.CharField(max_length=80, blank=True)
    credential = models.CharField(max_length=8, choices=Credential, blank=True)
    npi = models.CharField(max_length=10, blank=True, validators=[npi.check])
    licence_number = models.CharField(max_length=40, blank=True)
    licence_state = models.CharField(max_length=2, blank=True)  # of accounts.us_states
    languages = models.JSONField(default=list, blank=True)  # codes of accounts.profiles.LANGUAGES
    supervisor = PracticeForeignKey("self", models.PROTECT, null=True, blank=True, related_name="+")
    work_days = models.JSONField(default=list, blank=True)  # as the keys of Clinic.hours: ["Mon", …]; empty: not told
    named = models.BooleanField(default=True)

    class Meta(PracticeModel.Meta):
        constraints = [
            *PracticeModel.Meta.constraints,
            SamePractice(field="supervisor", name="accounts_therapist_supervisor_same_practice"),
            models.CheckConstraint(
                name="accounts_therapist_not_own_supervisor", condition=~models.Q(supervisor=models.F("id"))
            ),
        ]
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
            models.UniqueConstraint(
                fields=["practice", "therapist"],
                condition=models.Q(ended_at=None),
                name="accounts_membership_one_a_therapist",
            ),
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
