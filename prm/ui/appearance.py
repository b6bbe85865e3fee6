"""How pages look to one member of staff: theme and density, each in a cookie that the server reads while it renders."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

THEMES = ("system", "light", "dark")
DENSITIES = ("compact", "comfortable")
COOKIES = {"theme": THEMES, "density": DENSITIES}
A_YEAR = 365 * 24 * 3600


def chosen(request: HttpRequest, name: str, allowed: tuple[str, ...]) -> str:
    """The choice in the cookie, or the first of `allowed` where there is none or it makes no sense."""
    value = request.COOKIES.get(name, "")
    return value if value in allowed else allowed[0]


@login_not_required
@require_POST
def appearance(request: HttpRequest) -> HttpResponse:
    """Keep theme or density for a year, then go back to the page given in `next`."""
    target = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        target = "/"
    response = HttpResponseRedirect(target)
    for name, allowed in COOKIES.items():
        value = request.POST.get(name)
        if value in allowed:
            response.set_cookie(
                name, value, max_age=A_YEAR, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE, httponly=True
            )
    return response
