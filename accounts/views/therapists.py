"""Settings: therapists, with or without an account of their own."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts import profiles
from accounts.access import staff_view
from accounts.models import Membership, Therapist
from accounts.once import once
from accounts.people_forms import TherapistForm
from prm import clock
from prm.audit.record import record
from prm.ui.problems import Conflict
from prm.ui.toasts import toast

PERMISSION = "people.manage"


@require_safe
@staff_view(PERMISSION)
def therapists(request: HttpRequest) -> HttpResponse:
    """All profiles; those of which a feed knows only an id come first."""
    members = {
        one.therapist_id: one
        for one in Membership.objects.filter(ended_at=None, therapist__isnull=False).select_related("user")
    }
    rows = [
        (one, members.get(one.pk), profiles.in_words(one.languages, profiles.LANGUAGES))
        for one in Therapist.objects.select_related("supervisor").order_by("named", "last_name", "first_name", "pk")
    ]
    return render(request, "accounts/therapists.html", {"rows": rows, "unnamed": sum(not row[0].named for row in rows)})


@require_http_methods(["GET", "POST"])
@staff_view(PERMISSION)
@once
def therapist_new(request: HttpRequest) -> HttpResponse:
    """A therapist whom no feed has told of."""
    return _edit(request, Therapist())


@require_http_methods(["GET", "POST"])
@staff_view(PERMISSION)
def therapist(request: HttpRequest, therapist_id: UUID) -> HttpResponse:
    """One profile, to look at and to change."""
    return _edit(request, get_object_or_404(Therapist, pk=therapist_id))


def _edit(request: HttpRequest, row: Therapist) -> HttpResponse:
    seen, is_new, was_named = profiles.seen(row), row._state.adding, row.named
    form = TherapistForm(request.POST or None, instance=row)
    if request.method == "POST" and form.is_valid():
        if not is_new and request.POST.get("seen") != seen:
            raise Conflict("Somebody else changed this profile meanwhile. Look at it again.")
        saved = form.save(commit=False)
        saved.named = True
        saved.save()
        record(
            "therapist.added" if is_new else "therapist.changed", now=clock.now(), request=request, object_id=saved.pk,
            fields=sorted(form.changed_data),
        )  # fmt: skip
        toast(request, f"Saved {saved}")
        return redirect("therapists", request.practice.slug)
    context = {"form": form, "row": row, "is_new": is_new, "was_named": was_named, "seen": seen}
    return render(request, "accounts/therapist.html", context, status=422 if form.is_bound else 200)
