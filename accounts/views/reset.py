"""A forgotten password: ask for a link, set a new one with it."""

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts import password_reset, signin, tasks
from accounts.forms import NewPasswordForm, ResetForm
from accounts.models import SignInAttempt
from accounts.views import answers
from accounts.views.signin import go_on
from prm import clock
from prm.addresses import client_address


@login_not_required
@require_http_methods(["GET", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """Type the address; the answer is the same whether somebody has it."""
    form = ResetForm(request.POST or None)
    context = {"form": form, "sent": request.method == "GET" and "sent" in request.GET}
    if request.method == "GET" or not form.is_valid():
        return render(request, "accounts/reset.html", context, status=answers.status(form))
    now, email = clock.now(), form.cleaned_data["email"]
    try:
        signin.begin(email, client_address(request), SignInAttempt.Step.RESET, now=now)
    except signin.Locked as locked:
        answers.refused(form, locked)
        return answers.locked(render(request, "accounts/reset.html", context, status=429), locked)
    password_reset.ask(email, now=now)
    tasks.nudge()
    return redirect(f"{reverse('signin_reset')}?sent")


@login_not_required
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def set_password(request: HttpRequest, token: str) -> HttpResponse:
    """Set a new password by a mailed link, then give the second factor; looking at the page changes nothing."""
    now = clock.now()
    reset = password_reset.find(token, now=now)
    if reset is None:
        return render(request, "accounts/dead_link.html", {"again": reverse("signin_reset")}, status=404)
    form = NewPasswordForm(request.POST or None)
    context = {"form": form, "account": reset.user.email}
    if request.method == "GET" or not form.is_valid():
        return render(request, "accounts/reset_password.html", context, status=answers.status(form))
    try:
        user = password_reset.use(reset, form.cleaned_data["password"], now=now)
    except ValidationError as refused:
        form.add_error("password", refused)
        return render(request, "accounts/reset_password.html", context, status=422)
    if user is None:
        return render(request, "accounts/dead_link.html", {"again": reverse("signin_reset")}, status=404)
    signin.password_given(request, user, next_path="", now=now)
    return go_on(user)
