"""The demo users and the codes that their authenticator apps would show now."""

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from prm.dev import people


@login_not_required
@require_safe
def codes(request: HttpRequest) -> HttpResponse:
    """Sign-ins of the demo; a 404 outside development, should the address ever be wired there."""
    try:
        found = list(people.sign_ins())
    except people.NotDevelopment:
        raise Http404 from None
    context = {
        "sign_ins": found, "operator": people.operator(), "seconds": found[0].seconds_left if found else 30,
    }  # fmt: skip
    response = render(request, "dev/codes.html", context)
    if found:
        response["Refresh"] = str(found[0].seconds_left + 1)
    return response
