"""Settings: the practice's clinics."""

from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import clinics, hours, scope, zones
from accounts.access import may, staff_view
from accounts.changing import Changed
from accounts.clinic_forms import ClinicForm
from accounts.models import Clinic, Membership
from accounts.once import once
from accounts.views import saving
from prm import clock
from prm.audit.record import record
from prm.ui.toasts import toast

BUTTONS = ("add", "copy", "add_day")  # of the form: they change its shape and save nothing


@require_safe
@staff_view("clinics.manage")
def listed(request: HttpRequest) -> HttpResponse:
    """The reader's clinics: those that a feed brought without a name first, closed ones last."""
    rows = sorted(_in_sight(request), key=lambda one: (one.closed_at is not None, one.named, one.name.casefold()))
    shown = [
        {"clinic": one, "hours": hours.in_words(one.hours or clock.NINE_TO_FIVE), "zone": zones.words(one.time_zone)}
        for one in rows
    ]
    context = {"zone": zones.words(_practice(request).time_zone), "opens": may(_member(request), "settings.manage")}
    return render(request, "accounts/clinics.html", {"rows": shown} | context)


@staff_view("settings.manage")
@require_http_methods(["GET", "POST"])
@once
def new(request: HttpRequest) -> HttpResponse:
    """Open a clinic."""
    blank = Clinic(time_zone=_practice(request).time_zone, hours=dict(clock.NINE_TO_FIVE))
    form = _form(request, blank)
    if form.is_bound and form.is_valid():
        try:
            made = clinics.create(by=request.user, now=clock.now(), **form.given())  # type: ignore[arg-type]
        except ValidationError as problem:
            form.add_problems(problem)
        else:
            record("clinic.created", now=clock.now(), request=request, object_id=made.pk, name=made.name)
            toast(request, f"{made.name} added")
            return redirect("clinics", _practice(request).slug)
    status = 422 if form.is_bound else 200
    return render(request, "accounts/clinic.html", {"form": form, "row": blank, "is_new": True}, status=status)


@staff_view("clinics.manage")
@require_http_methods(["GET", "POST"])
def clinic(request: HttpRequest, clinic_id: UUID) -> HttpResponse:
    """Edit one clinic."""
    found = get_object_or_404(_in_sight(request).select_related("recovery_lead__user"), pk=clinic_id)
    if request.method == "POST" and set(BUTTONS) & set(request.POST):
        return render(request, "accounts/clinic.html", {"form": ClinicForm.grown(found, request.POST), "row": found})

    def write(**what: Any) -> Changed:
        return clinics.change(found, **what)

    return saving.edit(
        request, ClinicForm, found, write, action="clinic.changed", template="accounts/clinic.html"
    )  # fmt: skip


@staff_view("clinics.manage")
@require_POST
def closure(request: HttpRequest, clinic_id: UUID) -> HttpResponse:
    """Close a clinic; the toast takes it back."""
    found = get_object_or_404(_in_sight(request), pk=clinic_id)
    try:
        done = clinics.close(found, by=request.user, now=clock.now())  # type: ignore[arg-type]
    except ValidationError as problem:
        form = ClinicForm(found)
        context = {"form": form, "row": found, "refused": problem.messages[0]}
        return render(request, "accounts/clinic.html", context, status=422)
    _told(request, done, "clinic.closed")
    undo = reverse("clinic_reopening", args=[_practice(request).slug, found.pk])
    toast(request, f"{found.name} is closed", undo=undo)
    return redirect("clinics", _practice(request).slug)


@staff_view("clinics.manage")
@require_POST
def reopening(request: HttpRequest, clinic_id: UUID) -> HttpResponse:
    """Open a closed clinic again."""
    found = get_object_or_404(_in_sight(request), pk=clinic_id)
    _told(request, clinics.reopen(found, by=request.user, now=clock.now()), "clinic.reopened")  # type: ignore[arg-type]
    toast(request, f"{found.name} is open again")
    return redirect("clinics", _practice(request).slug)


def _in_sight(request: HttpRequest) -> QuerySet[Clinic]:
    """The clinics of this manager; another one's is a 404 like what never was."""
    return scope.clinics_of(_member(request))


def _form(request: HttpRequest, row: Clinic) -> ClinicForm:
    if request.method != "POST":
        return ClinicForm(row)
    return ClinicForm.grown(row, request.POST) if set(BUTTONS) & set(request.POST) else ClinicForm(row, request.POST)


def _told(request: HttpRequest, done: Changed, action: str) -> None:
    if done.fields:
        record(action, now=clock.now(), request=request, object_id=done.row.pk, changed=done.fields)


def _practice(request: HttpRequest) -> Any:
    return request.practice  # type: ignore[attr-defined]


def _member(request: HttpRequest) -> Membership:
    return request.membership  # type: ignore[attr-defined]
