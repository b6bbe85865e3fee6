"""Signing in and out: password, code or passkey."""

from urllib.parse import parse_qsl, urlencode, urlsplit

from django.conf import settings
from django.contrib import auth
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts import factors, home, kept, passkeys, sign_in_record, signin, totp
from accounts.forms import CodeForm, PasskeyForm, SignInForm
from accounts.models import SignInAttempt, User
from accounts.views import answers
from prm import clock
from prm.addresses import client_address

WHY = {"idle": "idle", "signed_out": "signed_out"}  # what a redirect to the sign-in page may say


@login_not_required
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """E-mail and password. Whatever is wrong, the answer and its time are the same."""
    if home.signed_in(request):
        return redirect(_next(request) or home.path_of(request))
    form = SignInForm(request.POST or None)
    if request.method == "GET" or not form.is_valid():
        return _door(request, form, status=answers.status(form))
    now, email = clock.now(), form.cleaned_data["email"]
    try:
        attempt = signin.begin(email, client_address(request), SignInAttempt.Step.PASSWORD, now=now)
    except signin.Locked as locked:
        return answers.locked(_door(request, answers.refused(form, locked), status=429), locked)
    user = auth.authenticate(request, username=email, password=form.cleaned_data["password"])
    if user is None:
        known = User.objects.filter(email=User.objects.normalise(email)).first()
        signin.failed(request, attempt, known, now=now)
        form.add_error(None, _("E-mail and password do not fit together. Check both."))
        return _door(request, form, status=422)
    signin.passed(attempt)
    signin.password_given(request, user, next_path=_next(request), now=now)
    return go_on(user)


def go_on(user: User) -> HttpResponse:
    """Where a person goes after the right password: to the second factor, or to set one up."""
    if factors.of(user):
        return redirect("signin_verify")
    totp.new_device(user)
    return redirect("signin_factor")


@login_not_required
@require_POST
def passkey_options(request: HttpRequest) -> HttpResponse:
    """What the browser is asked for a passkey as the only step; which person it is, only the answer says."""
    return JsonResponse(passkeys.options(request, passkeys.SIGN_IN, user=None, now=clock.now()))


@login_not_required
@require_http_methods(["GET", "POST"])
def passkey(request: HttpRequest) -> HttpResponse:
    """A passkey as the only step: something one has, and a finger or a PIN that its device asked for."""
    form = PasskeyForm(request.POST or None)
    if request.method == "GET" or not form.is_valid():
        return redirect("signin")
    now = clock.now()
    try:
        found = answers.passkey(request, form, passkeys.SIGN_IN, user=None, now=now)
    except signin.Locked as locked:
        return answers.locked(_door(request, SignInForm(), answers.refused(form, locked), status=429), locked)
    if found is None:
        return _door(request, SignInForm(), form, status=422)
    signin.finish(request, found.user, found, factors=[factors.PASSKEY], now=now)
    return HttpResponseRedirect(_next(request) or home.path_of(request))


@login_not_required
@sensitive_post_parameters("code")
@require_http_methods(["GET", "POST"])
def verify(request: HttpRequest) -> HttpResponse:
    """The second factor of a person whose password was right: a code, or a passkey."""
    now = clock.now()
    waiting = signin.pending(request, now=now)
    if waiting is None:
        return redirect("signin")
    has = factors.of(waiting.user)
    if not has:
        return redirect("signin_factor")
    form = CodeForm(request.POST or None)
    if request.method == "GET" or has.app is None or not form.is_valid():
        return _second_step(request, waiting, has, form, status=answers.status(form))
    try:
        right = answers.code(request, form, waiting.user, has.app, now=now)
    except signin.Locked as locked:
        page = _second_step(request, waiting, has, answers.refused(form, locked), status=429)
        return answers.locked(page, locked)
    if not right:
        return _second_step(request, waiting, has, form, status=422, hint=True)
    signin.finish(request, waiting.user, has.app, factors=["password", factors.TOTP], now=now)
    return HttpResponseRedirect(waiting.next or home.path_of(request))


@login_not_required
@require_POST
def verify_passkey_options(request: HttpRequest) -> HttpResponse:
    """What the browser is asked for a passkey as the second step: one of this person's."""
    now = clock.now()
    waiting = signin.pending(request, now=now)
    if waiting is None:
        return JsonResponse({}, status=409)
    return JsonResponse(passkeys.options(request, passkeys.VERIFY, user=waiting.user, now=now))


@login_not_required
@require_http_methods(["GET", "POST"])
def verify_passkey(request: HttpRequest) -> HttpResponse:
    """A passkey as the second step."""
    now = clock.now()
    waiting = signin.pending(request, now=now)
    form = PasskeyForm(request.POST or None)
    if waiting is None or request.method == "GET" or not form.is_valid():
        return redirect("signin_verify")
    has = factors.of(waiting.user)
    try:
        found = answers.passkey(request, form, passkeys.VERIFY, user=waiting.user, now=now)
    except signin.Locked as locked:
        page = _second_step(request, waiting, has, CodeForm(), answers.refused(form, locked), status=429)
        return answers.locked(page, locked)
    if found is None:
        return _second_step(request, waiting, has, CodeForm(), form, status=422)
    signin.finish(request, waiting.user, found, factors=["password", factors.PASSKEY], now=now)
    return HttpResponseRedirect(waiting.next or home.path_of(request))


@login_not_required
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session, here; a POST, so that no link or picture can do it."""
    if request.user.is_authenticated:
        sign_in_record.record_for(request.user, "signin.ended", now=clock.now(), request=request)
    auth.logout(request)
    return redirect(f"{reverse('signin')}?why=signed_out")


def _door(
    request: HttpRequest, form: SignInForm, passkey_form: PasskeyForm | None = None, *, status: int
) -> HttpResponse:
    """The sign-in page; its forms keep where one wanted to go."""
    query = f"?{urlencode({'next': _next(request)})}" if _next(request) else ""
    context = {
        "form": form, "passkey_form": passkey_form, "passkey_site": passkeys.site(request), "query": query,
        "kept": kept.PARAMETER in dict(parse_qsl(urlsplit(_next(request)).query)),
        "why": WHY.get(request.GET.get("why", "")), "development": settings.DEVELOPMENT, "sign_up": settings.SIGN_UP,
    }  # fmt: skip
    return render(request, "accounts/signin.html", context, status=status)


def _second_step(
    request: HttpRequest, waiting: signin.Pending, has: factors.Factors, form: CodeForm,
    passkey_form: PasskeyForm | None = None, *, status: int, hint: bool = False,
) -> HttpResponse:  # fmt: skip
    """The page of the second step, with what this person has."""
    context = {
        "form": form, "passkey_form": passkey_form, "passkey_site": passkeys.site(request), "has": has, "hint": hint,
        "account": waiting.user.email,
    }  # fmt: skip
    return render(request, "accounts/verify.html", context, status=status)


def _next(request: HttpRequest) -> str:
    return signin.own_path(request.GET.get("next"))
