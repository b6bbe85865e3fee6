"""Settings: sample data, loaded and removed."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.access import staff_view
from dashboard.sample import load, remove
from dashboard.sample.people import PEOPLE
from patients.models import Patient
from prm import clock
from prm.audit.record import record
from prm.ui.problems import Conflict
from prm.ui.toasts import toast


@staff_view("start.view")
@require_safe
def sample_data(request: HttpRequest) -> HttpResponse:
    """What the sample patients are, and whether they are here."""
    here = list(Patient.objects.filter(is_sample=True).order_by("search_name"))
    context = {"here": here, "many": len(PEOPLE), "real": Patient.objects.real().exists()}
    return render(request, "dashboard/sample.html", context)


@staff_view("start.view")
@require_POST
def sample_load(request: HttpRequest) -> HttpResponse:
    """Bring the sample patients in."""
    practice, now = request.practice, clock.now()  # type: ignore[attr-defined]
    try:
        many = load.load(practice, now=now)
    except load.AlreadyLoaded:
        raise Conflict("The sample patients are here already.") from None
    except load.NoClinic:
        messages.error(request, "Sample patients need a clinic to come to. Add one first.")
        return redirect("sample_data", practice.slug)
    record("sample.loaded", now=now, request=request, count=many)
    toast(request, f"{many} sample patients are here")
    return redirect("sample_data", practice.slug)


@staff_view("start.view")
@require_POST
def sample_removal(request: HttpRequest) -> HttpResponse:
    """Take the sample patients out, with all that is about them."""
    practice, now = request.practice, clock.now()  # type: ignore[attr-defined]
    many = remove.remove(practice)
    record("sample.removed", now=now, request=request, count=many)
    toast(request, f"{many} sample patients are gone. Nothing else has changed.")
    return redirect("sample_data", practice.slug)
