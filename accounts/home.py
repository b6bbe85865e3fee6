"""Whether somebody is signed in, and where his home page is."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts import kept
from accounts.queries import practices_of

COOKIE = "prm_practice"  # the slug of the practice last used here; membership is asked again each time
A_YEAR = 365 * 86400


def signed_in(request: HttpRequest) -> bool:
    """True with a verified second factor; a right password alone is not enough."""
    user: Any = request.user
    return bool(user.is_authenticated and user.is_verified())


def path_of(request: HttpRequest) -> str:
    """The home page of the practice last used on this device, else of the only one, else the page to choose one."""
    slugs = [practice.slug for practice in practices_of(request.user)]  # type: ignore[arg-type]
    last = request.COOKIES.get(COOKIE)
    if last in slugs:
        return f"/{last}/"
    if not slugs and getattr(request.user, "is_platform_operator", False):
        return reverse("console")
    return f"/{slugs[0]}/" if len(slugs) == 1 else reverse("practices")


def remember(request: HttpRequest, response: HttpResponse, slug: str) -> None:
    """Keep in cookies which practice was used last, a read must not write rows, and by whom (`accounts.kept`)."""
    person = kept.signed(str(request.user.pk)) if request.user.is_authenticated else ""
    if person and request.COOKIES.get(kept.COOKIE) != person:
        response.set_cookie(
            kept.COOKIE, person, max_age=kept.COOKIE_LASTS, httponly=True, samesite="Lax",
            secure=settings.SESSION_COOKIE_SECURE,
        )  # fmt: skip
    if request.COOKIES.get(COOKIE) != slug:
        response.set_cookie(
            COOKIE, slug, max_age=A_YEAR, httponly=True, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE
        )
