"""The patient's own pages: home and help."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from patients import sessions
from patients.portal import patient_view
from portal.home import home_of
from prm import clock
from prm.audit.record import record


@require_safe
@patient_view
def home(request: HttpRequest) -> HttpResponse:
    """What comes next for me."""
    now = clock.now()
    shown = home_of(request.patient, request.practice, now=now)
    record("portal.read", now=now, request=request, patient_id=request.patient.pk, actor_kind="patient")
    return render(request, "portal/home.html", {"home": shown, "page": "home"})


@require_safe
@patient_view
def help_page(request: HttpRequest) -> HttpResponse:
    """I am stuck: whom to call, how it works, my devices, what is kept of me."""
    clinic, now = request.patient.home_clinic, clock.now()
    record("portal.read", now=now, request=request, patient_id=request.patient.pk, actor_kind="patient", page="help")
    context = {
        "devices": list(sessions.devices(request.patient, now=now)),
        "this_device": request.portal_session.pk,
        "phone": request.practice.phone or (clinic.phone if clinic else ""),
        "page": "help",
    }
    return render(request, "portal/help.html", context)
