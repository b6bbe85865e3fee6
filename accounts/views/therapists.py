"""Settings: therapists, with or without an account of their own."""

from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import joining, profiles
from accounts.access import staff_view
from accounts.models import Membership, Therapist, TherapistJoin
from accounts.once import once
from accounts.people_forms import JoinTherapistForm, TherapistForm
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


@require_POST
@staff_view(PERMISSION)
def therapist_join(request: HttpRequest, therapist_id: UUID) -> HttpResponse:
    """The therapist of whom a feed knows only an id is one whom we have."""
    row = get_object_or_404(Therapist, pk=therapist_id)
    form = JoinTherapistForm(request.POST)
    if form.is_valid():
        now, into = clock.now(), form.cleaned_data["into"]
        try:
            done = joining.join(row, into, by=request.user, now=now)
        except ValidationError as problem:
            form.add_error("into", problem)
        else:
            record("therapist.joined", now=now, request=request, object_id=into.pk, was=str(done.was))
            undo = reverse("therapist_join_undo", args=[request.practice.slug, done.pk])
            toast(request, f"Joined with {into}", undo=undo)
            return redirect("therapists", request.practice.slug)
    return _edit(request, row, form)


@require_POST
@staff_view(PERMISSION)
def therapist_join_undo(request: HttpRequest, join_id: UUID) -> HttpResponse:
    """They are two people after all."""
    now, done = clock.now(), get_object_or_404(TherapistJoin.objects.select_related("into"), pk=join_id)
    if joining.undo(done, now=now):
        record("therapist.join_undone", now=now, request=request, object_id=done.into_id, was=str(done.was))
    toast(request, f"Parted from {done.into} again")
    return redirect("therapists", request.practice.slug)


def _edit(request: HttpRequest, row: Therapist, join_form: JoinTherapistForm | None = None) -> HttpResponse:
    seen, is_new, was_named = profiles.seen(row), row._state.adding, row.named
    if join_form is not None:
        return _page(request, row, TherapistForm(instance=row), join_form)
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
    return _page(request, row, form, JoinTherapistForm(), seen=seen, was_named=was_named)


def _page(
    request: HttpRequest, row: Therapist, form: TherapistForm, join_form: JoinTherapistForm, **told: object
) -> HttpResponse:
    is_new, unnamed = row._state.adding, not told.get("was_named", row.named)
    context = {
        "form": form, "row": row, "is_new": is_new, "unnamed": unnamed, "seen": told.get("seen", profiles.seen(row)),
        "join_form": join_form, "known_as": joining.known_as(row) if unnamed else [],
        "joins": [] if is_new or unnamed else TherapistJoin.objects.filter(into=row, undone_at=None).order_by("-at"),
    }  # fmt: skip
    bad = form.is_bound or join_form.is_bound
    return render(request, "accounts/therapist.html", context, status=422 if bad else 200)
