"""The pages that answer when something is missing, refused, in conflict, too large, too often, expired or broken."""

import sys
from collections.abc import Callable
from string import Template

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import REASON_NO_CSRF_COOKIE
from django.shortcuts import render

from prm import clock, logs
from prm.ui.problems import BadParameter, Conflict, TookTooLong, TooManyRequests

NOT_TYPED = {"csrfmiddlewaretoken", "password", "new_password", "code", "token", "next"}
RETRY_SECONDS = 30  # how soon a caller may ask again while the database is away
SLOW_SECONDS = 60  # and after something took too long
ROLE_WORDS = {
    "owner": "an owner",
    "manager": "a manager",
    "therapist": "a therapist",
    "front_desk": "the front desk",
    "read_only": "a person who only reads",
}


_keepers: list[Callable[[HttpRequest], str]] = []


def keep_typed_with(keep: Callable[[HttpRequest], str]) -> None:
    """Let `keep` store what a form brought that was open too long (from AppConfig.ready): the page to go back to, or
    an empty string.
    """
    _keepers.append(keep)


def missing(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404: byte for byte the same for what never was and for what belongs to another practice (security I8)."""
    return _page(request, "404.html", 404)


def refused(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403: names the roles that may (`roles` of accounts.access.Refused), or why nobody may (`why` of OnlyReading)."""
    if why := getattr(exception, "why", ""):
        return _page(request, "403.html", 403, {"why": why})
    roles = [ROLE_WORDS[role] for role in getattr(exception, "roles", ())]
    context = {"who": _either(roles), "all_clinics": getattr(exception, "all_clinics", False)}
    return _page(request, "403.html", 403, context)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400; what is larger than we take is 413 and names the limit."""
    if isinstance(exception, RequestDataTooBig):
        return _page(request, "413.html", 413, {"limit_mb": settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 2**20})
    return _page(request, "400.html", 400)


def broken(request: HttpRequest) -> HttpResponse:
    """500 with the id to quote; 503 while the database is away. Files without template logic, which cannot break."""
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        return HttpResponse(_text("503.html"), status=503, headers={"Retry-After": str(RETRY_SECONDS)})
    return HttpResponse(Template(_text("500.html")).safe_substitute(request_id=logs.request_id.get()), status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form that was open too long or sent after signing out: what was typed is shown, to be copied, and
    where an app keeps it, a link leads to the form with it.
    """
    typed = [
        value
        for name, values in request.POST.lists()
        if name not in NOT_TYPED
        for value in values
        if value.strip() and " " in value.strip()
    ]
    no_cookie = reason == REASON_NO_CSRF_COOKIE
    back = next((page for keep in _keepers if not no_cookie and (page := keep(request))), "")
    context = {"typed": typed, "no_cookie": no_cookie, "back": back}
    return _page(request, "expired.html", 403, context)


def answer(request: HttpRequest, exception: Exception) -> HttpResponse | None:
    """The page of one of prm.ui.problems; None for any other exception."""
    if isinstance(exception, BadParameter):
        return _page(request, "400.html", 400, {"what": str(exception)})
    if isinstance(exception, Conflict):
        return _page(request, "409.html", 409, {"what": str(exception)})
    if isinstance(exception, TooManyRequests):
        seconds = max(1, int((exception.until - clock.now()).total_seconds()))
        response = _page(request, "429.html", 429, {"until": exception.until})
        response["Retry-After"] = str(seconds)
        return response
    if isinstance(exception, TookTooLong):
        response = _page(request, "slow.html", 503)
        response["Retry-After"] = str(SLOW_SECONDS)
        return response
    return None


def _page(request: HttpRequest, template: str, status: int, context: dict[str, object] | None = None) -> HttpResponse:
    """The page, or its note alone where htmx asked for a fragment.

    Below /portal/ it looks like the patient's other pages: his practice, its phone, the languages, a new link. Of one
    that leads nowhere, `request.frame_practice` says whose it would be.
    """
    part = "#note" if getattr(request, "htmx", False) else ""
    frame: dict[str, object] = {}
    if request.path_info.startswith("/portal/"):
        own = getattr(request, "practice", None) or getattr(request, "frame_practice", None)
        frame = {"frame": "portal/system.html", "practice": own}
    return render(request, template + part, (context or {}) | frame, status=status)


def _either(roles: list[str]) -> str:
    return " or ".join([", ".join(roles[:-1]), roles[-1]]) if len(roles) > 1 else "".join(roles)


def _text(name: str) -> str:
    return (settings.BASE_DIR / "templates" / name).read_text(encoding="utf-8")
