"""Printed recovery codes: ten at a time, each passes once."""

import secrets
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts import notify, sign_in_record
from accounts.models import RecoveryCode, RecoveryCodes, User
from prm import crypto

CODES = 10
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that reads like something else on paper
LENGTH, GROUP = 12, 4  # 12 of 31 characters are 59 random bits


def make(user: User, *, now: datetime) -> list[str]:
    """Ten new codes, to be shown once; those of before no longer pass."""
    codes = [_code() for _n in range(CODES)]
    with transaction.atomic():
        device, _made = RecoveryCodes.objects.update_or_create(
            user=user, defaults={"name": RecoveryCodes.NAME, "made_at": now}
        )
        device.each.all().delete()
        RecoveryCode.objects.bulk_create([RecoveryCode(codes=device, code_hash=_hash(user, code)) for code in codes])
    return codes


def spend(user: User, typed: str, *, now: datetime) -> RecoveryCodes | None:
    """The device of the code where it is one of the person's and unused, else None; it is then used.

    Used by one UPDATE with the old state in its condition, so that of two requests with one code only one passes.
    """
    found = RecoveryCode.objects.filter(codes__user=user, code_hash=_hash(user, typed), used_at=None)
    return RecoveryCodes.objects.get(user=user) if found.update(used_at=now) else None


def left(user: User) -> int | None:
    """How many codes are unused; None where none were ever made."""
    device = RecoveryCodes.objects.filter(user=user).first()
    return None if device is None else device.each.filter(used_at=None).count()


def tell_used(user: User, *, remaining: int, key: str, now: datetime, request: object) -> None:
    """Notice to the person and an event in the audit: somebody came in with one of his codes. `key`: once a use."""
    facts = {"left": str(remaining) if remaining else _("none")}
    notify.send(notify.Notice("recovery_code_used", user.email, user.name, user.language, key, None, facts))
    sign_in_record.record_for(user, "factor.code_used", now=now, request=request, by=user.pk, left=remaining)  # type: ignore[arg-type]


def grouped(code: str) -> str:
    """“ab3d-k9mn-7xyz”: as it is printed."""
    return "-".join(code[at : at + GROUP] for at in range(0, len(code), GROUP))


def plain(typed: str) -> str:
    """What was typed without dashes and spaces, in small letters."""
    return "".join(filter(str.isalnum, typed)).lower()


def _code() -> str:
    return "".join(secrets.choice(ALPHABET) for _n in range(LENGTH))


def _hash(user: User, code: str) -> str:
    return crypto.token_hash(f"recovery {user.pk} {plain(code)}")
