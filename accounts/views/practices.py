"""Where a person goes after signing in."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from accounts import home
from accounts.queries import practices_of


@login_not_required
@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """The bare address of the site: one's practice, or the sign-in page."""
    return redirect(home.path_of(request) if home.signed_in(request) else "signin")


@require_safe
def choose(request: HttpRequest) -> HttpResponse:
    """The practices in which the person works, to choose one."""
    return render(request, "accounts/practices.html", {"choices": practices_of(request.user)})
