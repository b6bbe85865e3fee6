"""Setting up an authenticator app: a key, its address for the app, and the picture that a phone reads."""

import base64
import io
import secrets
from urllib.parse import quote, urlencode

import segno
from django.db import transaction
from django.utils.safestring import SafeString, mark_safe

from accounts.models import TotpDevice, User

ISSUER = "PRM"
NAME = "Authenticator app"
WAITS_NAME = "Authenticator app that waits for its first code"
KEY_BYTES = 20  # 160 bits, as RFC 4226 section 4 recommends


def new_device(user: User, *, confirmed: bool = False, key: bytes | None = None) -> TotpDevice:
    """A device with a new key (or the given one).

    An unconfirmed one replaces an earlier unconfirmed one, opens nothing until its first code was given, and leaves the
    app in use alone until then. A confirmed one replaces the app in use. Never an old key again: somebody else may have
    seen it before its owner did.
    """
    name = NAME if confirmed else WAITS_NAME
    TotpDevice.objects.filter(user=user, confirmed=confirmed).delete()
    device = TotpDevice(user=user, name=name, confirmed=confirmed)
    device.key = key or secrets.token_bytes(KEY_BYTES)
    device.save()
    return device


def confirmed_device(user: User) -> TotpDevice | None:
    """The person's authenticator app, or None where he has not set one up."""
    return TotpDevice.objects.filter(user=user, confirmed=True).order_by("pk").first()


def unconfirmed_device(user: User) -> TotpDevice | None:
    """The device that waits for its first code."""
    return TotpDevice.objects.filter(user=user, confirmed=False).order_by("-pk").first()


def forget_unconfirmed(user: User) -> None:
    """The person chose another factor: the key that was shown is nobody's."""
    TotpDevice.objects.filter(user=user, confirmed=False).delete()


def confirm(device: TotpDevice) -> None:
    """The person's app has given a right code: from now on the device counts, in place of an earlier app."""
    with transaction.atomic():
        TotpDevice.objects.filter(user=device.user_id, confirmed=True).delete()
        TotpDevice.objects.filter(pk=device.pk).update(confirmed=True, name=NAME)
    device.refresh_from_db()


def text_key(device: TotpDevice) -> str:
    """The key as people type it into an app: base32 in groups of four."""
    plain = base64.b32encode(device.key).decode().rstrip("=")
    return " ".join(plain[at : at + 4] for at in range(0, len(plain), 4))


def provisioning_uri(device: TotpDevice) -> str:
    """The otpauth:// address that the QR code holds (Key Uri Format of Google Authenticator)."""
    label = f"{ISSUER}:{device.user.email}"
    secret = base64.b32encode(device.key).decode().rstrip("=")
    return f"otpauth://totp/{quote(label)}?{urlencode({'secret': secret, 'issuer': ISSUER})}"


def qr_svg(device: TotpDevice) -> SafeString:
    """The QR code as inline SVG, dark on light in both themes, because readers need it so; no style attribute."""
    picture = io.BytesIO()
    segno.make(provisioning_uri(device), error="m", micro=False).save(
        picture, kind="svg", xmldecl=False, svgns=False, scale=4, border=4, dark="#000", light="#fff", omitsize=False
    )
    return mark_safe(picture.getvalue().decode())  # noqa: S308 -- segno's own drawing of a base32 key and an e-mail
