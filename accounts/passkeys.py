"""Passkeys: where this site can have them, the two ceremonies, and what is kept of a passkey.

django-otp-webauthn checks what browsers send and keeps the tables; sessions, lock-out and the way home stay ours. The
holder must prove himself to his device each time (user verification), so that a passkey is both factors at once.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from django_otp_webauthn.exceptions import OTPWebAuthnApiError
from django_otp_webauthn.helpers import WebAuthnHelper
from django_otp_webauthn.models import WebAuthnCredential, WebAuthnUserHandle
from webauthn import base64url_to_bytes
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import AuthenticatorSelectionCriteria, ResidentKeyRequirement, UserVerificationRequirement

from accounts.models import User
from prm.ui.problems import Conflict

CEREMONY = "passkey_ceremony"  # in the session, from the options to the answer
ANSWER_WITHIN = timedelta(minutes=5)  # also the browser's own time-out
MOST = 10  # passkeys a person
NAME_LENGTH = 64
SIGN_IN, VERIFY, RECHECK, ADD = "sign_in", "verify", "recheck", "add"  # what a challenge was made for
# The ways in which an answer may be wrong: refused by the libraries, or not of the shape that they read.
REFUSALS = (OTPWebAuthnApiError, WebAuthnException, AttributeError, LookupError, RecursionError, TypeError, ValueError)


class WrongAnswer(ValueError):
    """The browser's answer proves nothing: a wrong signature, origin or challenge, an unknown passkey, no ceremony."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where passkeys are possible: the name they are bound to and the page's origin; else `reason` says why not."""

    rp_id: str = ""
    origin: str = ""
    reason: str = ""

    def __bool__(self) -> bool:
        return bool(self.rp_id)


def site(request: HttpRequest) -> Site:
    """What passkeys are bound to, by SITE_URL; browsers want a name, not an address, and https or this very machine.

    A developer's server is known by its address and answers to localhost as well: there passkeys are localhost's.
    """
    known = urlsplit(settings.SITE_URL)
    host = known.hostname or ""
    here = urlsplit(f"{request.scheme}://{request.get_host()}")
    if _is_loopback(host):
        if here.hostname == "localhost":
            return Site("localhost", f"{request.scheme}://{request.get_host()}")
        there = f"{known.scheme}://localhost" + (f":{here.port}" if here.port else "")
        return Site(reason=_("Passkeys need a name in the address: open %(there)s instead.") % {"there": there})
    if _is_address(host):
        return Site(reason=_("Passkeys need a site with a name; this one has only an address."))
    if known.scheme != "https" and host != "localhost":
        return Site(reason=_("Passkeys need a site with https."))
    if here.hostname != host:
        return Site(reason=_("Passkeys work at %(there)s only.") % {"there": settings.SITE_URL})
    return Site(host, f"{known.scheme}://{known.netloc}")


class Helper(WebAuthnHelper):
    """The library's ceremonies at this site, with user verification and discoverable passkeys always asked for."""

    def __init__(self, request: HttpRequest, *, name: str = "") -> None:
        super().__init__(request)
        self.site, self.name = site(request), name

    def get_relying_party_domain(self) -> str:
        """The name that passkeys are bound to."""
        return self.site.rp_id

    def get_allowed_origins(self) -> list[str]:
        """The one origin that we serve."""
        return [self.site.origin]

    def get_credential_display_name(self, user: User) -> str:
        """How the person's devices list the passkey."""
        return f"{user.name} ({user.email})"

    def get_generate_registration_options_kwargs(self, *, user: User) -> dict[str, Any]:
        """As the library's, with the holder's proof required instead of preferred."""
        wanted = super().get_generate_registration_options_kwargs(user=user)
        wanted["authenticator_selection"] = AuthenticatorSelectionCriteria(
            user_verification=UserVerificationRequirement.REQUIRED, resident_key=ResidentKeyRequirement.REQUIRED
        )
        return wanted

    def create_credential(self, user: User, response: Any, parsed_credential: Any, original_data: dict) -> Any:
        """As the library's, with the name that the person gave it."""
        device = super().create_credential(user, response, parsed_credential, original_data)
        device.name, device.confirmed = self.name[:NAME_LENGTH], True
        return device


def of(user: User) -> list[WebAuthnCredential]:
    """The person's passkeys, oldest first."""
    return list(WebAuthnCredential.objects.filter(user=user, confirmed=True).order_by("pk"))


def options(request: HttpRequest, purpose: str, *, user: User | None, now: datetime) -> dict[str, Any]:
    """What the browser is asked, for `navigator.credentials`; the challenge is kept in the session for one answer.

    `user`: whose passkeys may answer; None lets the device offer those it has (the only step of signing in).
    Conflict where this site can have none.
    """
    helper = Helper(request)
    if not helper.site:
        raise Conflict(helper.site.reason)
    if purpose == ADD:
        asked, state = helper.register_begin(user)
    else:
        asked, state = helper.authenticate_begin(user=user, require_user_verification=True)
    request.session[CEREMONY] = {**state, "purpose": purpose, "until": (now + ANSWER_WITHIN).timestamp()}
    return asked


def read(answer: str) -> tuple[dict[str, Any], WebAuthnCredential | None]:
    """The browser's answer and the passkey that it claims to be of, None where we know no such one. WrongAnswer."""
    try:
        data = json.loads(answer)
        raw_id = base64url_to_bytes(data["rawId"])
    except REFUSALS:
        raise WrongAnswer("not an answer of a browser") from None
    digest = WebAuthnCredential.get_credential_id_sha256(raw_id)
    known = WebAuthnCredential.objects.filter(credential_id_sha256=digest, confirmed=True)
    return data, known.select_related("user").first()


def verify(
    request: HttpRequest, purpose: str, data: dict[str, Any], passkey: WebAuthnCredential | None, *,
    user: User | None, now: datetime,
) -> WebAuthnCredential:  # fmt: skip
    """The passkey whose holder has just proved himself for `purpose`, of `user` where one is given. WrongAnswer.

    The challenge is spent whatever comes of it.
    """
    state = _spend(request, purpose, now=now)
    if passkey is None or not passkey.user.is_active or (user is not None and passkey.user_id != user.pk):
        raise WrongAnswer("no passkey that may answer")
    if not _is_handle_of(passkey.user, data):
        raise WrongAnswer("the answer names another person")
    try:
        found = Helper(request).authenticate_complete(user, state, data)
    except REFUSALS:
        raise WrongAnswer("the answer proves nothing") from None
    found.user = passkey.user
    return found


def add(request: HttpRequest, user: User, answer: str, *, name: str, now: datetime) -> WebAuthnCredential:
    """Keep a new passkey under `name`. WrongAnswer, also where the person has MOST already."""
    state = _spend(request, ADD, now=now)
    if WebAuthnCredential.objects.filter(user=user).count() >= MOST:
        raise WrongAnswer("as many passkeys as a person may have")
    if read(answer)[1]:
        raise WrongAnswer("somebody has this passkey already")
    try:
        return Helper(request, name=name or _("Passkey")).register_complete(user, state, json.loads(answer))
    except REFUSALS:
        raise WrongAnswer("the answer makes no passkey") from None


def _spend(request: HttpRequest, purpose: str, *, now: datetime) -> dict[str, Any]:
    state = request.session.pop(CEREMONY, None)
    if not state or state["purpose"] != purpose or now.timestamp() > state["until"]:
        raise WrongAnswer("no challenge waits for this answer")
    return state


def _is_handle_of(user: User, data: dict[str, Any]) -> bool:
    """WebAuthn 7.2 step 6: where the answer names a user, it is the passkey's; a security key may leave it out."""
    try:
        said = data["response"].get("userHandle")
        handle = WebAuthnUserHandle.get_handle_for_user(user)
        return not said or constant_time_compare(base64url_to_bytes(said), handle)
    except REFUSALS:
        return False


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return _is_address(host) and ip_address(host).is_loopback
