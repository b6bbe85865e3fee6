"""The patient comes in: behind an access link, back on his own phone, and out again."""

from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import rotate_token
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from patients import sessions, signin
from patients.middleware import chosen_language
from patients.models import PortalLink, PortalSession
from patients.portal import dead_link, device_view, patient_view, signed_out
from portal.forms import BirthDateForm, MonthDayForm
from prm import clock
from prm.audit.record import record
from prm.ui.toasts import toast


@sensitive_post_parameters("month", "day", "year")
def access_page(request: HttpRequest, link: PortalLink) -> HttpResponse:
    """What an access link opens: the birth date's form; a POST with the right one signs in. A GET changes no row.

    On a device where this patient is signed in the link leads to his page: he tapped it again.
    """
    now = clock.now()
    before = sessions.of_request(request, now=now)
    if before is not None and before.patient_id == link.patient_id:
        return redirect("portal_home")
    if link.used_at is not None:
        return dead_link(request)
    with translation.override(chosen_language(request) or _own_language(link)):
        request.LANGUAGE_CODE = translation.get_language()
        form = BirthDateForm(request.POST if request.method == "POST" else None)
        if request.method != "POST" or not form.is_valid():
            return _ask(request, form)
        try:
            session, token = signin.by_link(
                link, form.cleaned_data["born"], own_device=form.cleaned_data["own_device"],
                device=sessions.device_of(request), before=before, now=now,
            )  # fmt: skip
        except signin.WrongDate as problem:
            form.add_error(None, wrong(problem.left))
            return _ask(request, form)
        except signin.Locked:
            record("portal.locked", now=now, request=request, patient_id=link.patient_id, actor_kind="patient")
            return render(request, "portal/locked.html", status=403)
        except signin.DeadLink:
            return dead_link(request)
    rotate_token(request)
    record(
        "portal.signed_in", now=now, request=request, patient_id=link.patient_id, object_id=session.pk,
        actor_kind="patient", own_device=session.own_device,
    )  # fmt: skip
    response = redirect("portal_home")
    _keep(response, request, session, token)
    return response


@sensitive_post_parameters("month", "day")
@require_http_methods(["GET", "HEAD", "POST"])
@device_view
def check(request: HttpRequest) -> HttpResponse:
    """The short re-check on the patient's own phone: month and day of his birth date."""
    session: PortalSession | None = request.portal_session
    now = clock.now()
    if session is None:
        return signed_out(request)
    if sessions.active(session, now=now):
        return redirect("portal_home")
    form = MonthDayForm(request.POST if request.method == "POST" else None)
    if request.method != "POST" or not form.is_valid():
        return render(request, "portal/check.html", {"form": form}, status=422 if form.is_bound else 200)
    try:
        signin.again(session, form.cleaned_data["month"], form.cleaned_data["day"], now=now)
    except signin.WrongDate as problem:
        form.add_error(None, wrong(problem.left))
        return render(request, "portal/check.html", {"form": form}, status=422)
    except signin.Locked:
        record("portal.locked", now=now, request=request, patient_id=session.patient_id, actor_kind="patient")
        return signed_out(request, "locked")
    record("portal.checked", now=now, request=request, patient_id=session.patient_id, actor_kind="patient")
    return redirect("portal_home")


@require_POST
@device_view
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session on this device; a POST, so that no link or picture can do it."""
    session: PortalSession | None = request.portal_session
    if session is not None:
        now = clock.now()
        sessions.end(session, PortalSession.Ended.SIGNED_OUT, now=now)
        record("portal.signed_out", now=now, request=request, patient_id=session.patient_id, actor_kind="patient")
    return signed_out(request, "signed_out")


@require_POST
@patient_view
def device_end(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """The patient signs another device of his out, or this one."""
    now = clock.now()
    device = get_object_or_404(sessions.devices(request.patient, now=now), pk=session_id)
    if device.pk == request.portal_session.pk:
        return sign_out(request)
    sessions.end(device, PortalSession.Ended.BY_PATIENT, now=now)
    record(
        "portal.device_ended", now=now, request=request, patient_id=request.patient.pk, object_id=device.pk,
        actor_kind="patient",
    )  # fmt: skip
    toast(request, _("That device is signed out"))
    return redirect("portal_help")


def _ask(request: HttpRequest, form: BirthDateForm) -> HttpResponse:
    return render(request, "portal/access.html", {"form": form}, status=422 if form.is_bound else 200)


def wrong(left: int) -> str:
    """That it was another birth date, and how many tries are left."""
    return ngettext(
        "Check your birth date. You have %(n)d try left.", "Check your birth date. You have %(n)d tries left.", left
    ) % {"n": left}


def _own_language(link: PortalLink) -> str:
    """The language of the mail that carried the link."""
    return link.patient.language if link.patient.language in {"en", "es"} else "en"


def _keep(response: HttpResponse, request: HttpRequest, session: PortalSession, token: str) -> None:
    """The cookie: for this host and /portal/ alone, unreadable by scripts; it outlives the browser on an own phone."""
    response.set_cookie(
        sessions.COOKIE,
        sessions.cookie_of(request.practice, token),
        max_age=int(sessions.COOKIE_OF_OWN_DEVICE.total_seconds()) if session.own_device else None,
        path="/portal/",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
