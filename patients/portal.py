"""The patients' pages: who may see them, and which page a link opens (security.md §2)."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode

from accounts.models import Practice
from patients import access, sessions
from patients.models import PortalLink
from prm import clock
from prm.tenancy.models import PracticeClosure

LinkPage = Callable[[HttpRequest, PortalLink], HttpResponse]
_link_pages: dict[str, LinkPage] = {}


def register_link_page(purpose: str, page: LinkPage) -> None:
    """Say what `/portal/<practice>/<token>` shows for links of a purpose, from an AppConfig.ready().

    The page gets the live link; ValueError where the purpose has one already.
    """
    if purpose in _link_pages:
        raise ValueError(f"links of purpose {purpose!r} have a page already")
    _link_pages[purpose] = page


def link_page(link: PortalLink) -> LinkPage | None:
    """The page of a link; None where nobody registered one for its purpose."""
    return _link_pages.get(link.purpose)


def portal_view(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Mark a view of `/portal/<practice_public_id>/…`; an unknown practice is a 404. Called without the public id."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, practice_public_id: str, **kwargs: Any) -> HttpResponse:
        if getattr(request, "practice", None) is None:
            raise Http404
        return view(request, *args, **kwargs)

    return guarded


def behind_link(purpose: str = "") -> Callable[[LinkPage], Callable[..., HttpResponse]]:
    """Mark a page behind a live link (of one purpose, or of any): called with the link instead of its token.

    A link that is unknown, expired, ended or of somebody who is no longer here is one and the same dead page.
    """

    def decorate(page: LinkPage) -> Callable[..., HttpResponse]:
        @portal_view
        @wraps(page)
        def guarded(request: HttpRequest, token: str) -> HttpResponse:
            link = access.find_link(token, purpose=purpose)
            if link is None or not access.live(link, now=clock.now()):
                return dead_link(request)
            return page(request, link)

        return guarded

    return decorate


def dead_link(request: HttpRequest) -> HttpResponse:
    """404: one sentence, the way to a new link, the phone; whatever it was that the link led to."""
    signed_in = sessions.of_request(request, now=clock.now()) is not None
    return render(request, "patients/portal_dead_link.html", {"signed_in": signed_in}, status=404)


def patient_view(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Mark a page of `/portal/…` of the patient who is signed in on this device: `request.patient`.

    `request.session_ends` (`session_seconds` from now, told in `patient_zone`): when the patient is asked again.

    PortalMiddleware has opened the practice of the cookie. Nobody signed in: to the way to a new link; a known phone
    that was idle: to the short re-check.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        session, now = getattr(request, "portal_session", None), clock.now()
        if session is None:
            return signed_out(request)
        if not sessions.active(session, now=now):
            return redirect("portal_check")
        sessions.seen(session, now=now)
        request.patient = session.patient  # type: ignore[attr-defined]
        request.session_ends = sessions.ends_at(session)  # type: ignore[attr-defined]
        request.patient_zone = session.patient.zone(request.practice.zone)  # type: ignore[attr-defined]
        request.session_seconds = int((request.session_ends - now).total_seconds())  # type: ignore[attr-defined]
        return view(request, *args, **kwargs)

    guarded.for_patients = True  # type: ignore[attr-defined]
    return guarded


def device_view(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Mark a page of `/portal/…` about signing in and out itself: needs no patient who is signed in."""
    view.for_patients = True  # type: ignore[attr-defined]
    return view


def resting(request: HttpRequest, practice: Practice) -> HttpResponse:
    """What every page of a practice says that is suspended (503) or being closed (410): call, nothing else works."""
    closing = PracticeClosure.objects.filter(closed_practice=practice.pk, cancelled_at=None).exists()
    practice.logo = ""  # its bytes are the practice's, which is not opened here
    context = {"practice": practice, "closing": closing}
    return render(request, "patients/portal_resting.html", context, status=410 if closing else 503)


def while_suspended(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Mark a page that works while its practice is suspended: who wants no more messages is heard at any time."""
    view.while_suspended = True  # type: ignore[attr-defined]
    return view


def signed_out(request: HttpRequest, why: str = "") -> HttpResponse:
    """To the practice's page that sends a new link, where the cookie names the practice; else a page that says how.

    `why`: `signed_out`, `idle` or `locked`, for the words there. The cookie goes.
    """
    practice = getattr(request, "practice", None)
    if practice is None:
        response = render(request, "patients/portal_signed_out.html", status=403)
    else:
        query = urlencode({"why": why or "idle"})
        response = redirect(f"{reverse('portal_new_link', args=[practice.public_id])}?{query}")
    response.delete_cookie(sessions.COOKIE, path="/portal/", samesite="Lax")
    return response
