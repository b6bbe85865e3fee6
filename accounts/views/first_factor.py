"""The first second factor, or the one in place of what was lost: an authenticator app or a passkey, as one likes."""

from collections.abc import Callable

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST
from django_otp.models import Device

from accounts import factor_recovery, factors, home, passkeys, signin, totp
from accounts.forms import CodeForm, NewPasskeyForm
from accounts.models import User
from accounts.views import answers
from prm import clock


class Closed(Exception):
    """This session may set nothing up any more: another request was quicker, or the link that brought it is spent."""


@login_not_required
@sensitive_post_parameters("code")
@require_http_methods(["GET", "POST"])
def factor(request: HttpRequest) -> HttpResponse:
    """For a person who has no factor or has lost it: QR code, key as text and first code; or a passkey instead."""
    now = clock.now()
    waiting = signin.pending(request, now=now)
    if waiting is None:
        return redirect("signin")
    if not _may_set_up(waiting, now=now):
        return redirect("signin_verify")
    device = totp.unconfirmed_device(waiting.user)
    if device is None:
        return redirect("signin")
    form = CodeForm(request.POST or None)
    if request.method == "GET" or not form.is_valid():
        return _page(request, waiting, device, form, status=answers.status(form))
    try:
        right = answers.code(request, form, waiting.user, device, now=now)
    except signin.Locked as locked:
        answers.refused(form, locked)
        return answers.locked(_page(request, waiting, device, form, status=429), locked)
    if not right:
        return _page(request, waiting, device, form, status=422, hint=True)

    def confirm() -> Device:
        totp.confirm(device)
        return device

    return _set_up(request, waiting, factors.TOTP, confirm, now=now)


@login_not_required
@require_POST
def factor_passkey_options(request: HttpRequest) -> HttpResponse:
    """What the browser is asked, to make a passkey."""
    now = clock.now()
    waiting = signin.pending(request, now=now)
    if waiting is None or not _may_set_up(waiting, now=now):
        return JsonResponse({}, status=409)
    return JsonResponse(passkeys.options(request, passkeys.ADD, user=waiting.user, now=now))


@login_not_required
@require_http_methods(["GET", "POST"])
def factor_passkey(request: HttpRequest) -> HttpResponse:
    """A passkey that the browser has made, as the factor; read by hand, the address leads to the page."""
    now = clock.now()
    waiting = signin.pending(request, now=now)
    device = totp.unconfirmed_device(waiting.user) if waiting else None
    if waiting is None or device is None or request.method == "GET" or not _may_set_up(waiting, now=now):
        return redirect("signin_factor")
    form = NewPasskeyForm(request.POST)
    if not form.is_valid():
        return _page(request, waiting, device, CodeForm(), form, status=422)

    def add() -> Device:
        given = form.cleaned_data
        made = passkeys.add(request, waiting.user, given["credential"], name=given["name"], now=now)
        totp.forget_unconfirmed(waiting.user)
        return made

    try:
        return _set_up(request, waiting, factors.PASSKEY, add, now=now)
    except passkeys.WrongAnswer:
        form.add_error(None, _("No passkey was added. Try once more."))
        return _page(request, waiting, device, CodeForm(), form, status=422)


def _may_set_up(waiting: signin.Pending, *, now: clock.datetime) -> bool:
    """Without a factor, the password is enough; with one, a second person's link must have brought him."""
    return not factors.of(waiting.user) or factor_recovery.is_live(waiting.recovery, waiting.user, now=now)


def _set_up(
    request: HttpRequest, waiting: signin.Pending, kind: str, make: Callable[[], Device], *, now: clock.datetime
) -> HttpResponse:
    """The person has proved that the factor is his: it counts, lost ones go, codes are shown to print."""
    user = waiting.user
    try:
        with transaction.atomic():  # never a moment in which the old factors are gone and the new one does not count
            User.objects.select_for_update().get(pk=user.pk)
            if not _may_set_up(waiting, now=now):
                raise Closed
            device = make()
            if waiting.recovery and not factor_recovery.complete(
                waiting.recovery, user, device, now=now, request=request
            ):
                raise Closed
            factors.added(request, user, kind, now=now, key=f"added {device.persistent_id}")
    except Closed:
        return redirect("signin")
    signin.finish(request, user, device, factors=["password", kind], now=now)
    return answers.new_codes(request, user, leads_to=waiting.next or home.path_of(request), now=now)


def _page(
    request: HttpRequest, waiting: signin.Pending, device: totp.TotpDevice, form: CodeForm,
    passkey_form: NewPasskeyForm | None = None, *, status: int, hint: bool = False,
) -> HttpResponse:  # fmt: skip
    """Both ways, on one page."""
    context = {
        "form": form, "passkey_form": passkey_form or NewPasskeyForm(), "passkey_failed": passkey_form is not None,
        "passkey_site": passkeys.site(request), "account": waiting.user.email, "qr": totp.qr_svg(device),
        "key": totp.text_key(device), "hint": hint,
    }  # fmt: skip
    return render(request, "accounts/factor.html", context, status=status)
