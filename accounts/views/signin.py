"""Signing in and out: password, second factor, setting one up."""

from django.conf import settings
from django.contrib import auth
from django.contrib.auth.decorators import login_not_required
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts import home, signin, totp
from accounts.forms import CodeForm, SignInForm
from accounts.models import SignInAttempt, TotpDevice
from accounts.signin_audit import record_in_each
from prm import clock
from prm.addresses import client_address

WHY = {"idle": "idle", "signed_out": "signed_out"}  # what a redirect to the sign-in page may say


@login_not_required
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """E-mail and password. Whatever is wrong, the answer and its time are the same."""
    if home.signed_in(request):
        return redirect(signin.own_path(request.GET.get("next")) or home.path_of(request))
    form = SignInForm(request.POST or None)
    context = {"form": form, "why": WHY.get(request.GET.get("why", "")), "development": settings.DEVELOPMENT}
    context["sign_up"] = settings.SIGN_UP
    if request.method == "GET" or not form.is_valid():
        return render(request, "accounts/signin.html", context, status=_status(form))
    now, email = clock.now(), form.cleaned_data["email"]
    try:
        attempt = signin.begin(email, client_address(request), SignInAttempt.Step.PASSWORD, now=now)
    except signin.Locked as locked:
        return _locked(request, "accounts/signin.html", context, locked)
    user = auth.authenticate(request, username=email, password=form.cleaned_data["password"])
    if user is None:
        form.add_error(None, _("E-mail and password do not fit together. Check both."))
        return render(request, "accounts/signin.html", context, status=422)
    signin.passed(attempt)
    signin.password_given(request, user, next_path=signin.own_path(request.GET.get("next")), now=now)
    if signin.confirmed_device(user) is None:
        totp.new_device(user)
        return redirect("signin_factor")
    return redirect("signin_verify")


@login_not_required
@sensitive_post_parameters("code")
@require_http_methods(["GET", "POST"])
def verify(request: HttpRequest) -> HttpResponse:
    """The second factor of a person whose password was right."""
    waiting = signin.pending(request, now=clock.now())
    if waiting is None:
        return redirect("signin")
    device = signin.confirmed_device(waiting.user)
    if device is None:
        return redirect("signin_factor")
    return _answer_code(request, waiting, device, "accounts/verify.html", {})


@login_not_required
@sensitive_post_parameters("code")
@require_http_methods(["GET", "POST"])
def factor(request: HttpRequest) -> HttpResponse:
    """Set up an authenticator app, for a person who has none yet: QR code, key as text, first code."""
    waiting = signin.pending(request, now=clock.now())
    if waiting is None:
        return redirect("signin")
    if signin.confirmed_device(waiting.user):
        return redirect("signin_verify")
    device = totp.unconfirmed_device(waiting.user)
    if device is None:
        return redirect("signin")
    context = {"qr": totp.qr_svg(device), "key": totp.text_key(device)}
    return _answer_code(request, waiting, device, "accounts/factor.html", context)


@login_not_required
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session, here; a POST, so that no link or picture can do it."""
    if home.signed_in(request):
        record_in_each("signin.ended", request, request.user, now=clock.now())
    auth.logout(request)
    return redirect(f"{reverse('signin')}?why=signed_out")


def _answer_code(
    request: HttpRequest, waiting: signin.Pending, device: TotpDevice, template: str, context: dict[str, object]
) -> HttpResponse:
    """Show the page, or take the code: right means signed in, wrong says how many tries are left."""
    form = CodeForm(request.POST or None)
    context |= {"form": form, "account": waiting.user.email}
    if request.method == "GET" or not form.is_valid():
        return render(request, template, context, status=_status(form))
    now = clock.now()
    allowed, refusal = device.verify_is_allowed()
    if not allowed and refusal:
        wait = max(1, round((refusal["locked_until"] - now).total_seconds()))
        form.add_error(
            "code",
            ngettext("Wait %(n)d second, then try again.", "Wait %(n)d seconds, then try again.", wait) % {"n": wait},
        )
        return render(request, template, context, status=422)
    try:
        attempt = signin.begin(waiting.user.email, client_address(request), SignInAttempt.Step.CODE, now=now)
    except signin.Locked as locked:
        return _locked(request, template, context, locked)
    if not device.verify_token(form.cleaned_data["code"]):
        left = signin.tries_left(attempt, now=now)
        form.add_error(
            "code",
            ngettext("That code is not right. %(n)d try left.", "That code is not right. %(n)d tries left.", left)
            % {"n": left},
        )
        return render(request, template, context | {"hint": True}, status=422)
    if not device.confirmed:
        totp.confirm(device)
    signin.passed(attempt)
    signin.finish(request, waiting.user, device, factors=["password", "totp"], now=now)
    return HttpResponseRedirect(waiting.next or home.path_of(request))


def _locked(request: HttpRequest, template: str, context: dict[str, object], locked: signin.Locked) -> HttpResponse:
    """Say when the next guess is heard: 429 with Retry-After."""
    seconds = max(1, int((locked.until - clock.now()).total_seconds()))
    minutes = -(-seconds // 60)
    form: Form = context["form"]  # type: ignore[assignment]
    form.add_error(
        None,
        ngettext(
            "Too many wrong tries. You can try again in %(n)d minute.",
            "Too many wrong tries. You can try again in %(n)d minutes.",
            minutes,
        )
        % {"n": minutes},
    )
    response = render(request, template, context, status=429)
    response["Retry-After"] = str(seconds)
    return response


def _status(form: Form) -> int:
    return 422 if form.is_bound else 200
