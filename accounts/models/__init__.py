"""Practices, clinics, therapists, and the people who work there."""

from accounts.models.absences import Absence
from accounts.models.agreements import Agreement, AgreementFile
from accounts.models.api_keys import ApiKey
from accounts.models.changes import Logo, SettingsChange
from accounts.models.factors import (
    FactorRecovery,
    PasswordReset,
    RecoveryCode,
    RecoveryCodes,
    SignInAttempt,
    TotpDevice,
)
from accounts.models.invitations import Invitation, InvitationClinic
from accounts.models.joins import TherapistJoin
from accounts.models.members import Membership, MembershipClinic, Therapist
from accounts.models.practices import RESERVED_WORDS, Clinic, Practice, check_slug, check_zone
from accounts.models.sent_forms import KeptText, SentForm
from accounts.models.sessions import Session
from accounts.models.signups import SignUp
from accounts.models.support import SUPPORT_LASTS_AT_MOST, SupportGrant
from accounts.models.users import User, UserManager

__all__ = [
    "RESERVED_WORDS",
    "SUPPORT_LASTS_AT_MOST",
    "Absence",
    "Agreement",
    "AgreementFile",
    "ApiKey",
    "Clinic",
    "FactorRecovery",
    "Invitation",
    "InvitationClinic",
    "KeptText",
    "Logo",
    "Membership",
    "MembershipClinic",
    "PasswordReset",
    "Practice",
    "RecoveryCode",
    "RecoveryCodes",
    "SentForm",
    "Session",
    "SettingsChange",
    "SignInAttempt",
    "SignUp",
    "SupportGrant",
    "Therapist",
    "TherapistJoin",
    "TotpDevice",
    "User",
    "UserManager",
    "check_slug",
    "check_zone",
]
