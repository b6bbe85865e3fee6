"""Starting a practice from a shell: the practice, its first clinic, its owner."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import agreements, totp
from accounts.models import Clinic, Membership, Practice, User
from accounts.naming import one_line
from prm.tenancy import use_practice

PASSWORD_BYTES = 12  # 96 random bits, 16 characters


@dataclass(frozen=True, slots=True)
class Access:
    """What a new owner needs to sign in; exists only here, to be shown once."""

    email: str
    password: str
    otpauth: str


@dataclass(frozen=True, slots=True)
class Created:
    """What `create_practice` found or made; `access` only for an owner who had no way in before.

    `agreement`: the newest version that the practice has signed, empty for none.
    """

    practice: Practice
    clinic: Clinic
    made: bool
    access: Access | None
    agreement: str = ""


class OtherPractice(ValueError):
    """The slug belongs to a practice with another name or zone: an address is not given away by a second command."""


def create_practice(
    slug: str, name: str, zone: str, *, owner_email: str | None, now: datetime, signatory: str = ""
) -> Created:
    """The practice of `slug`, made with one clinic of that name and zone where it is missing; safe to run twice.

    `signatory`: who has signed the current agreement for the practice, on paper or otherwise; without one the start
    checklist asks the owner. With `owner_email`: that person is an owner there; where he was no user yet, a password
    and an authenticator key are made for him. ValidationError names the fields that are wrong, OtherPractice a taken
    slug. White space in the name is flattened as in the settings.
    """
    name = _name(name)
    with transaction.atomic():
        practice = Practice.objects.select_for_update().filter(slug=slug).first()
        made = practice is None
        if practice is None:
            practice = Practice(slug=slug, name=name, time_zone=zone, languages=["en"], created_at=now)
            practice.full_clean()
            practice.save()
        elif (practice.name, practice.time_zone) != (name, zone):
            raise OtherPractice(f"“{slug}” is the practice “{practice.name}” in {practice.time_zone}")
        with use_practice(practice.pk):
            clinic = Clinic.objects.order_by("pk").first()
            if clinic is None:
                clinic = Clinic.objects.create(name=name, time_zone=zone)
            access = _make_owner(owner_email, now=now) if owner_email else None
            if signatory:
                agreements.agree(signatory=signatory, by=None, now=now, practice=practice)
            agreement = agreements.with_platform()
    return Created(practice, clinic, made, access, agreement.version if agreement else "")


def _name(text: str) -> str:
    try:
        if name := one_line(text):
            return name
    except ValidationError as problem:
        raise ValidationError({"name": problem.messages}) from None
    raise ValidationError({"name": "Enter the name of the practice, such as Harbor Physical Therapy."})


def _make_owner(email: str, *, now: datetime) -> Access | None:
    """Membership as owner in the open practice, for a user made where there is none."""
    email = User.objects.normalise(email)
    user = User.objects.filter(email=email).first()
    access = None
    if user is None:
        password = secrets.token_urlsafe(PASSWORD_BYTES)
        user = User(email=email, name=email.partition("@")[0], created_at=now)
        user.set_password(password)
        user.full_clean(exclude=["password"])
        user.save()
        device = totp.new_device(user, confirmed=True)
        access = Access(email, password, totp.provisioning_uri(device))
    membership, new = Membership.objects.get_or_create(user=user, defaults={"role": Membership.Role.OWNER})
    if not new and (membership.role != Membership.Role.OWNER or membership.ended_at):
        raise ValidationError({"owner": f"{email} is already “{membership.get_role_display()}” in this practice"})
    return access
