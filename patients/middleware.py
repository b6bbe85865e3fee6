"""Opens the practice of a patient's page: the one its URL names by public id, or the one his device's cookie names."""

import re
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, ResolverMatch, resolve
from django.utils import timezone, translation

from accounts.models import Practice
from patients import sessions
from patients.portal import resting, signed_out
from prm import clock
from prm.tenancy.requests import answer_within

ROOT = "/portal/"
PUBLIC_ID = re.compile(r"[a-z2-7]{10}")
LANGUAGE_COOKIE = "prm_language"


class PortalMiddleware:
    """For every URL under /portal/: opens its practice, forbids caching, indexing and referrers (security.md §2).

    `/portal/<practice_public_id>/…` names the practice. Any other page under /portal/ belongs to the patient whose
    device asks: `request.portal_session` is set, or None; a view there that is not marked with `patient_view` or
    `device_view` is refused. A practice that is suspended is not opened, but for views marked `while_suspended`. The
    page's language is the one the visitor chose (`?lang=` or cookie), else the patient's, else the browser's, of those
    we have.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass on, inside the practice where there is one."""
        match = _match(request)
        if match is None and not request.path_info.startswith(ROOT):
            return self.get_response(request)
        request.portal_session = None  # type: ignore[attr-defined]
        if match is None:
            return self._leading_nowhere(request)
        if "practice_public_id" in match.kwargs:
            public_id = match.kwargs["practice_public_id"]
        elif cookie := sessions.read_cookie(request):
            public_id = cookie[0]
        else:
            return _with_headers(request, self._in_language(request, self.get_response))
        practice = Practice.objects.filter(public_id=public_id).first()
        if practice is not None and practice.suspended_at and not getattr(match.func, "while_suspended", False):
            request.resting_practice = practice  # type: ignore[attr-defined]
            practice = None
        if practice is None:
            return self._leading_nowhere(request)
        request.practice = practice  # type: ignore[attr-defined]

        def answer(request: HttpRequest) -> HttpResponse:
            if "practice_public_id" not in match.kwargs:
                request.portal_session = sessions.of_request(request, now=clock.now())  # type: ignore[attr-defined]
            return self._in_language(request, self.get_response)

        with timezone.override(practice.zone):
            return _with_headers(request, answer_within(practice.pk, request, answer))

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: dict[str, Any]) -> HttpResponse | None:
        """Deny by default: what says of nobody that he may see it, nobody sees. A suspended practice says so."""
        if practice := getattr(request, "resting_practice", None):
            return resting(request, practice)
        match = request.resolver_match
        if match is None or not _is_portal(match) or "practice_public_id" in kwargs:
            return None
        return None if getattr(view, "for_patients", False) else signed_out(request)

    def _leading_nowhere(self, request: HttpRequest) -> HttpResponse:
        """Nothing is opened; the 404 page has the look of the practice that the address or the cookie names."""
        if not hasattr(request, "resting_practice"):
            request.frame_practice = _practice_of_frame(request)  # type: ignore[attr-defined]
        return _with_headers(request, self._in_language(request, self.get_response))

    def _in_language(self, request: HttpRequest, get_response: Callable[[HttpRequest], HttpResponse]) -> HttpResponse:
        language = _language(request)
        with translation.override(language):
            request.LANGUAGE_CODE = language
            response = get_response(request)
        response["Content-Language"] = request.LANGUAGE_CODE  # a view may know better, such as the mail's language
        if request.GET.get("lang") in {"en", "es"}:
            response["Cache-Control"] = "no-store"  # a cache for many would hand the choice to all
            response.set_cookie(
                LANGUAGE_COOKIE,
                language,
                max_age=365 * 86400,
                httponly=True,
                samesite="Lax",
                secure=settings.SESSION_COOKIE_SECURE,
            )
        return response


def _practice_of_frame(request: HttpRequest) -> Practice | None:
    """The practice that the address names, else the cookie's; None where neither names one that runs."""
    cookie = sessions.read_cookie(request)
    named = [request.path_info.removeprefix(ROOT).partition("/")[0], cookie[0] if cookie else ""]
    found = Practice.objects.filter(public_id__in=[one for one in named if PUBLIC_ID.fullmatch(one)], suspended_at=None)
    return next(iter(sorted(found, key=lambda one: named.index(one.public_id))), None)


def chosen_language(request: HttpRequest) -> str:
    """The language that the visitor chose, now or before; empty where he chose none of ours."""
    chosen = request.GET.get("lang") or request.COOKIES.get(LANGUAGE_COOKIE) or ""
    return chosen if chosen in {"en", "es"} else ""


def _language(request: HttpRequest) -> str:
    session = request.portal_session  # type: ignore[attr-defined]
    own = session.patient.language if session is not None else ""
    return chosen_language(request) or (own if own in {"en", "es"} else translation.get_language_from_request(request))


def _with_headers(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """What no page here may go without; only a page that names no person says otherwise about caching and indexing."""
    response["Referrer-Policy"] = "no-referrer"
    if not getattr(response, "names_nobody", False):
        response["Cache-Control"] = "no-store"
        response["X-Robots-Tag"] = "noindex"
    return response


def _match(request: HttpRequest) -> ResolverMatch | None:
    try:
        match = resolve(request.path_info)
    except Resolver404:
        return None
    return match if _is_portal(match) else None


def _is_portal(match: ResolverMatch) -> bool:
    return match.route.startswith("portal/")
