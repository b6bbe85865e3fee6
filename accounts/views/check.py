"""“Is it still you?”: a factor again, before what cannot be taken back."""

from django.contrib.auth import get_user
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts import factors, home, passkeys, signin
from accounts.forms import CodeForm, PasskeyForm
from accounts.models import User
from accounts.views import answers
from prm import clock


@sensitive_post_parameters("code")
@require_http_methods(["GET", "POST"])
def check(request: HttpRequest) -> HttpResponse:
    """Give a code or a passkey, and go on where one was."""
    user, now = _user(request), clock.now()
    has, form = factors.of(user), CodeForm(request.POST or None)
    if request.method == "GET" or has.app is None or not form.is_valid():
        return _page(request, has, form, status=answers.status(form))
    try:
        right = answers.code(request, form, user, has.app, now=now)
    except signin.Locked as locked:
        return answers.locked(_page(request, has, answers.refused(form, locked), status=429), locked)
    if not right:
        return _page(request, has, form, status=422)
    return _go_on(request)


@require_POST
def check_passkey_options(request: HttpRequest) -> HttpResponse:
    """What the browser is asked: one of this person's passkeys."""
    return JsonResponse(passkeys.options(request, passkeys.RECHECK, user=_user(request), now=clock.now()))


@require_http_methods(["GET", "POST"])
def check_passkey(request: HttpRequest) -> HttpResponse:
    """A passkey in place of the code."""
    user, form = _user(request), PasskeyForm(request.POST or None)
    if request.method == "GET" or not form.is_valid():
        return redirect(f"{reverse('signin_check')}{_query(request)}")
    has = factors.of(user)
    try:
        found = answers.passkey(request, form, passkeys.RECHECK, user=user, now=clock.now())
    except signin.Locked as locked:
        return answers.locked(_page(request, has, CodeForm(), answers.refused(form, locked), status=429), locked)
    return _page(request, has, CodeForm(), form, status=422) if found is None else _go_on(request)


def _page(
    request: HttpRequest, has: factors.Factors, form: CodeForm, passkey_form: PasskeyForm | None = None, *, status: int
) -> HttpResponse:
    context = {
        "form": form, "passkey_form": passkey_form, "passkey_site": passkeys.site(request), "has": has,
        "account": _user(request).email, "query": _query(request), "back": _next(request) or home.path_of(request),
    }  # fmt: skip
    return render(request, "accounts/check.html", context, status=status)


def _go_on(request: HttpRequest) -> HttpResponse:
    signin.proved(request, now=clock.now())
    return HttpResponseRedirect(_next(request) or home.path_of(request))


def _next(request: HttpRequest) -> str:
    return signin.own_path(request.GET.get("next"))


def _query(request: HttpRequest) -> str:
    return f"?{urlencode({'next': _next(request)})}" if _next(request) else ""


def _user(request: HttpRequest) -> User:
    """The signed-in person, as a row of ours (the middleware let nobody else through)."""
    user = get_user(request)
    assert isinstance(user, User)  # noqa: S101  (for mypy)
    return user
