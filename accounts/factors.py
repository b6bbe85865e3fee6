"""A person's second factors: which there are, and what happens when one comes or goes.

An authenticator app and passkeys are factors of their own; printed codes stand in for one and never alone.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db import transaction
from django.db.models import OuterRef, QuerySet
from django.http import HttpRequest
from django_otp.models import Device
from django_otp_webauthn.models import WebAuthnCredential

from accounts import notify, recovery_codes, sessions, sign_in_record, totp
from accounts.models import RecoveryCodes, TotpDevice, User

TOTP, PASSKEY, RECOVERY = "totp", "passkey", "recovery"  # as notices and the audit name them
KINDS: dict[str, Any] = {TOTP: TotpDevice, PASSKEY: WebAuthnCredential, RECOVERY: RecoveryCodes}


class LastFactor(ValueError):
    """The only factor of its owner: without it he could not sign in."""


@dataclass(frozen=True, slots=True)
class Factors:
    """What a person can prove himself with, besides the password."""

    app: TotpDevice | None
    passkeys: list[WebAuthnCredential]
    codes_left: int | None  # None: never made

    def __bool__(self) -> bool:
        return bool(self.app or self.passkeys)

    @property
    def only_one(self) -> bool:
        """True where removing any would leave none."""
        return (self.app is not None) + len(self.passkeys) == 1


def of(user: User) -> Factors:
    """The person's confirmed factors."""
    passkeys = WebAuthnCredential.objects.filter(user=user, confirmed=True).order_by("pk")
    return Factors(totp.confirmed_device(user), list(passkeys), recovery_codes.left(user))


def device_ids() -> dict[str, ArraySubquery]:
    """Annotations of a queryset of users: `<kind>_devices`, the ids of each user's confirmed devices."""
    mine = {"user": OuterRef("pk"), "confirmed": True}
    return {
        f"{kind}_devices": ArraySubquery(model.objects.filter(**mine).values("pk")) for kind, model in KINDS.items()
    }


def device_of_session(user: Any, persistent_id: str | None) -> Device | None:
    """The confirmed device that verified a session, of a user who was read with `device_ids`; asks no more than that.

    Its other columns are read where somebody wants them. None where the device is gone or is another person's.
    """
    for kind, model in KINDS.items():
        for pk in getattr(user, f"{kind}_devices"):
            device: Any = model.from_db(user._state.db, ["id", "user_id", "confirmed"], [pk, user.pk, True])
            if device.persistent_id == persistent_id:
                return device
    return None


def added(request: HttpRequest, user: User, kind: str, *, now: datetime, key: str) -> None:
    """A factor was added: the person is told, his other sessions end, his practices keep the event."""
    _changed(request, user, "factor_added", "factor.added", kind, now=now, key=key)


def remove(request: HttpRequest, user: User, device: Device, kind: str, *, now: datetime) -> None:
    """Remove one of the person's factors. LastFactor where it is the only one, also for requests that race."""
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        if of(user).only_one:
            raise LastFactor(kind)
        if not _own(user, kind).filter(pk=device.pk).delete()[0]:
            return
        _changed(
            request, user, "factor_removed", "factor.removed", kind, now=now, key=f"removed {device.persistent_id}"
        )


def rename(request: HttpRequest, user: User, device: Device, kind: str, name: str, *, now: datetime) -> bool:
    """Give one of the person's factors another name, by which he knows it; False where it has that name or is gone.

    `name` of at most 64 characters; nothing else depends on it, so that nobody is told and no session ends.
    """
    if not _own(user, kind).filter(pk=device.pk, confirmed=True).exclude(name=name).update(name=name):
        return False
    sign_in_record.record_for(user, "factor.renamed", now=now, request=request, factor=kind)
    return True


def remove_all_but(user: User, device: Device) -> None:
    """Remove every factor but `device`, printed codes included: they may be with whoever has the lost one."""
    for model in KINDS.values():
        rows = model.objects.filter(user=user)
        (rows.exclude(pk=device.pk) if isinstance(device, model) else rows).delete()


def _own(user: User, kind: str) -> QuerySet[Any]:
    return KINDS[kind].objects.filter(user=user)


def _changed(
    request: HttpRequest, user: User, notice: str, action: str, kind: str, *, now: datetime, key: str
) -> None:  # fmt: skip
    notify.send(notify.Notice(notice, user.email, user.name, user.language, key, None, {"factor": kind}))
    sessions.end_sessions(user, except_key=request.session.session_key)
    sign_in_record.record_for(user, action, now=now, request=request, by=user.pk, factor=kind)
