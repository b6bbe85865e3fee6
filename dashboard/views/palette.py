"""Ctrl-K, and the sheet of shortcuts: fragments for the scripts, pages of their own without them."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.access import staff_view
from dashboard import palette as found
from prm import clock
from prm.audit.record import record
from prm.ui import keyboard as keys
from prm.ui import navigation


@require_GET
@staff_view("mine")
def palette(request: HttpRequest) -> HttpResponse:
    """Patients and pages for what was typed; without a word the patients seen last. Patients shown are audited."""
    text = request.GET.get("q", "").strip()[:80]
    people = found.patients(request.membership, text) if text else found.recent(request.membership)
    if people:
        record(
            "palette.listed", now=clock.now(), request=request, count=len(people), searched=bool(text),
            patients=[patient.pk for patient in people],
        )  # fmt: skip
    shown = {
        "Patients" if text else "Seen lately": [found.entry(request, patient) for patient in people],
        "Pages": found.pages(request, text),
    }
    context = {"text": text, "groups": {name: entries for name, entries in shown.items() if entries}}
    template = "dashboard/_palette_found.html" if request.htmx else "dashboard/palette.html"
    return render(request, template, context)


@require_GET
@staff_view("mine")
def keyboard(request: HttpRequest) -> HttpResponse:
    """All keys that do something here."""
    context = {
        "everywhere": keys.EVERYWHERE,
        "lists": keys.LISTS,
        "places": [link for link in navigation.pages_for(request) if link.go],
    }
    template = "dashboard/keyboard.html" + ("#keys" if request.htmx else "")
    return render(request, template, context)
