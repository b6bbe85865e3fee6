"""A lost second factor: a printed code, or a second person and the link that he lets go out."""

from typing import Any
from uuid import UUID

from django.contrib import auth
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts import factor_recovery, factors, home, recovery_codes, signin, totp
from accounts.access import platform_view, staff_view
from accounts.forms import RecoveryCodeForm, SignInForm
from accounts.models import FactorRecovery, SignInAttempt
from accounts.recheck import recently_checked
from accounts.views import answers
from prm import clock
from prm.addresses import client_address
from prm.ui.toasts import toast


@login_not_required
@sensitive_post_parameters("code")
@require_http_methods(["GET", "POST"])
def recover(request: HttpRequest) -> HttpResponse:
    """After the right password: a printed code, or how it stands with the second person."""
    now = clock.now()
    waiting = signin.pending(request, now=now)
    if waiting is None:
        return redirect("signin")
    form = RecoveryCodeForm(request.POST or None)
    context = {
        "form": form, "account": waiting.user.email, "asked": factor_recovery.latest(waiting.user, now=now),
    }  # fmt: skip
    if request.method == "GET" or not form.is_valid():
        return render(request, "accounts/recover.html", context, status=answers.status(form))
    user = waiting.user
    try:
        attempt = signin.begin(user.email, client_address(request), SignInAttempt.Step.RECOVERY, now=now)
    except signin.Locked as locked:
        answers.refused(form, locked)
        return answers.locked(render(request, "accounts/recover.html", context, status=429), locked)
    device = recovery_codes.spend(user, form.cleaned_data["code"], now=now)
    if device is None:
        left = signin.failed(request, attempt, user, now=now)
        form.add_error("code", answers.tries_left(_("That code is not right, or was used before."), left))
        return render(request, "accounts/recover.html", context, status=422)
    signin.passed(attempt)
    signin.finish(request, user, device, factors=["password", factors.RECOVERY], now=now)
    remaining = recovery_codes.left(user) or 0
    recovery_codes.tell_used(user, remaining=remaining, key=f"code {attempt.pk}", now=now, request=request)
    toast(request, _("You used a recovery code. Codes left: %(n)d.") % {"n": remaining})
    return HttpResponseRedirect(waiting.next or home.path_of(request))


@login_not_required
@require_POST
def ask(request: HttpRequest) -> HttpResponse:
    """Ask a second person; asking again changes nothing."""
    now = clock.now()
    waiting = signin.pending(request, now=now)
    if waiting is None:
        return redirect("signin")
    factor_recovery.ask(waiting.user, address=client_address(request), now=now)
    return redirect("signin_recover")


@login_not_required
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def by_link(request: HttpRequest, token: str) -> HttpResponse:
    """The mailed link: the password once more, then a new factor. Looking at the page changes nothing."""
    now = clock.now()
    asked = factor_recovery.find(token, now=now)
    if asked is None:
        return render(request, "accounts/dead_link.html", {"again": reverse("signin")}, status=404)
    form = SignInForm(request.POST or None, initial={"email": asked.user.email})
    context = {"form": form}
    if request.method == "GET" or not form.is_valid():
        return render(request, "accounts/recover_link.html", context, status=answers.status(form))
    email = form.cleaned_data["email"]
    try:
        attempt = signin.begin(email, client_address(request), SignInAttempt.Step.PASSWORD, now=now)
    except signin.Locked as locked:
        answers.refused(form, locked)
        return answers.locked(render(request, "accounts/recover_link.html", context, status=429), locked)
    user: Any = auth.authenticate(request, username=email, password=form.cleaned_data["password"])
    if user is None or user.pk != asked.user_id:
        signin.failed(request, attempt, None, now=now)
        form.add_error(None, _("E-mail and password do not fit together. Check both."))
        return render(request, "accounts/recover_link.html", context, status=422)
    signin.passed(attempt)
    signin.password_given(request, user, next_path="", now=now, recovery=str(asked.pk))
    totp.new_device(user)
    return redirect("signin_factor")


@staff_view("people.manage", while_suspended=True)
@recently_checked
@require_http_methods(["GET", "POST"])
def decide(request: HttpRequest, recovery_id: UUID) -> HttpResponse:
    """An owner or manager confirms that a colleague is who he says, or refuses."""
    now = clock.now()
    asked = get_object_or_404(factor_recovery.to_decide(request.membership, now=now), pk=recovery_id)  # type: ignore[attr-defined]
    if request.method == "GET":
        return render(request, "accounts/factor_recovery.html", {"asked": asked})
    _decide(request, asked)
    return redirect("signin_security", request.practice.slug)  # type: ignore[attr-defined]


@platform_view
@recently_checked
@require_http_methods(["GET", "POST"])
def decide_as_operator(request: HttpRequest, recovery_id: UUID) -> HttpResponse:
    """The platform's operator decides where no practice of the person has a second one who could."""
    user: Any = request.user
    open_ones = factor_recovery.for_operators(user, now=clock.now())
    asked = next((one for one in open_ones if one.pk == recovery_id), None)
    if asked is None:
        raise Http404
    if request.method == "GET":
        return render(request, "accounts/platform_recovery.html", {"asked": asked})
    _decide(request, asked)
    return redirect("practices")


def _decide(request: HttpRequest, asked: FactorRecovery) -> None:
    by: Any = request.user
    if request.POST.get("decision") == "confirm":
        done = factor_recovery.confirm(asked, by=by, now=clock.now(), request=request)
        said = f"Confirmed. {asked.user.name} gets an e-mail with a link that works for an hour."
    else:
        done = factor_recovery.refuse(asked, by=by, now=clock.now(), request=request)
        said = f"Refused. {asked.user.name} is told so."
    toast(request, said if done else "Somebody has decided this before.")
