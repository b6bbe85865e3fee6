"""Opens the practice named in a portal URL by its public id."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve
from django.utils import timezone, translation

from accounts.models import Practice
from prm.tenancy.requests import answer_within

LANGUAGE_COOKIE = "prm_language"


class PortalMiddleware:
    """For URLs with a `practice_public_id`: opens it, forbids caching, indexing and referrers (security.md §2).

    The page's language is the one the visitor chose (`?lang=` or cookie), else the browser's, of those we have.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass on, inside the practice where the URL names one."""
        public_id = _practice_public_id(request)
        if public_id is None:
            return self.get_response(request)
        practice = Practice.objects.filter(public_id=public_id, suspended_at=None).first()
        if practice is None:
            return self.get_response(request)
        request.practice = practice  # type: ignore[attr-defined]
        chosen = request.GET.get("lang") or request.COOKIES.get(LANGUAGE_COOKIE) or ""
        language = chosen if chosen in {"en", "es"} else translation.get_language_from_request(request)
        with translation.override(language), timezone.override(practice.zone):
            request.LANGUAGE_CODE = language
            response = answer_within(practice.pk, request, self.get_response)
        if request.GET.get("lang") in {"en", "es"}:
            response.set_cookie(
                LANGUAGE_COOKIE,
                language,
                max_age=365 * 86400,
                httponly=True,
                samesite="Lax",
                secure=settings.SESSION_COOKIE_SECURE,
            )
        response["Referrer-Policy"] = "no-referrer"
        response["Cache-Control"] = "no-store"
        response["X-Robots-Tag"] = "noindex"
        response["Content-Language"] = request.LANGUAGE_CODE  # a view may know better, such as the mail's language
        return response


def _practice_public_id(request: HttpRequest) -> str | None:
    try:
        return resolve(request.path_info).kwargs.get("practice_public_id")
    except Resolver404:
        return None
