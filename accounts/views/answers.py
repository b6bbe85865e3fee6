"""What several pages of signing in do with a form: check a code or a passkey, say what was wrong, show new codes."""

from datetime import datetime
from urllib.parse import parse_qsl, urlsplit

from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django_otp_webauthn.models import WebAuthnCredential

from accounts import notify, passkeys, recovery_codes, sign_in_record, signin
from accounts.forms import CodeForm, PasskeyForm
from accounts.models import SignInAttempt, TotpDevice, User
from prm import clock, ids
from prm.addresses import client_address


def status(form: Form) -> int:
    """200 for a page that is shown, 422 for a form that is shown again."""
    return 422 if form.is_bound else 200


def code(request: HttpRequest, form: CodeForm, user: User, device: TotpDevice, *, now: datetime) -> bool:
    """True where the form's code is right, and now spent; else the form says what is wrong. Locked by `signin`."""
    allowed, refusal = device.verify_is_allowed()
    if not allowed and refusal:
        wait = max(1, round((refusal["locked_until"] - now).total_seconds()))
        form.add_error(
            "code",
            ngettext("Wait %(n)d second, then try again.", "Wait %(n)d seconds, then try again.", wait) % {"n": wait},
        )
        return False
    attempt = signin.begin(user.email, client_address(request), SignInAttempt.Step.CODE, now=now)
    if device.verify_token(form.cleaned_data["code"]):
        signin.passed(attempt)
        return True
    left = signin.failed(request, attempt, user, now=now)
    form.add_error("code", tries_left(_("That code is not right."), left))
    return False


def passkey(
    request: HttpRequest, form: PasskeyForm, purpose: str, *, user: User | None, now: datetime
) -> WebAuthnCredential | None:
    """The passkey that the form's answer proves, else None and the form says so. Locked as `signin.begin`.

    A wrong answer is a guess at the account of its passkey; where we know no such passkey, at an account of its own.
    """
    try:
        data, known = passkeys.read(form.cleaned_data["credential"])
    except passkeys.WrongAnswer:
        data, known = {}, None
    account = user.email if user else known.user.email if known else "an unknown passkey"
    attempt = signin.begin(account, client_address(request), SignInAttempt.Step.PASSKEY, now=now)
    try:
        found = passkeys.verify(request, purpose, data, known, user=user, now=now)
    except passkeys.WrongAnswer:
        left = signin.failed(request, attempt, user or (known.user if known else None), now=now)
        form.add_error(None, tries_left(_("That passkey did not work here."), left))
        return None
    signin.passed(attempt)
    return found


def tries_left(what: str, left: int) -> str:
    """The sentence that says what was wrong, and how many tries remain within the hour."""
    return what + " " + ngettext("%(n)d try left.", "%(n)d tries left.", left) % {"n": left}


def refused(form: Form, locked: signin.Locked) -> Form:
    """The form with the sentence that says when the next guess is heard."""
    minutes = -(-_seconds(locked) // 60)
    form.add_error(
        None,
        ngettext(
            "Too many wrong tries. You can try again in %(n)d minute.",
            "Too many wrong tries. You can try again in %(n)d minutes.",
            minutes,
        )
        % {"n": minutes},
    )
    return form


def locked(page: HttpResponse, locked: signin.Locked) -> HttpResponse:
    """The page with Retry-After."""
    page["Retry-After"] = str(_seconds(locked))
    return page


def new_codes(request: HttpRequest, user: User, *, leads_to: str, now: datetime) -> HttpResponse:
    """Ten new recovery codes on a page to print, this once: it answers the POST itself, so that nothing keeps them."""
    codes = recovery_codes.make(user, now=now)
    key = f"codes {ids.uuid7()}"
    notify.send(notify.Notice("recovery_codes_made", user.email, user.name, user.language, key))
    sign_in_record.record_for(user, "factor.codes_made", now=now, request=request, by=user.pk)
    where = urlsplit(leads_to)
    context = {
        "codes": [recovery_codes.grouped(one) for one in codes], "account": user.email, "made_at": now,
        "leads_to": where.path, "query": parse_qsl(where.query),
    }  # fmt: skip
    return render(request, "accounts/codes.html", context)


def _seconds(locked: signin.Locked) -> int:
    return max(1, int((locked.until - clock.now()).total_seconds()))
