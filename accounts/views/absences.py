"""When a member is away: his own page, and the same for whoever manages people."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts import absence, handover, people
from accounts.access import Refused, may, staff_view
from accounts.models import Absence, Membership
from accounts.once import once
from accounts.people_forms import AbsenceForm
from prm import clock
from prm.audit.record import record
from prm.ui import words
from prm.ui.toasts import toast


@require_http_methods(["GET", "POST"])
@staff_view("mine")
@once
def my_absence(request: HttpRequest) -> HttpResponse:
    """One's own days away."""
    return _page(request, request.membership)


@require_http_methods(["GET", "POST"])
@staff_view("people.manage")
@once
def member_absence(request: HttpRequest, membership_id: UUID) -> HttpResponse:
    """A colleague's days away, such as the ill one's who cannot write them down."""
    member = get_object_or_404(Membership.objects.select_related("user").filter(ended_at=None), pk=membership_id)
    if not _may_plan(request, member):
        raise Refused("practice.own")
    return _page(request, member)


@require_POST
@staff_view("mine")
def absence_end(request: HttpRequest, absence_id: UUID) -> HttpResponse:
    """Take back days that have not come, or end those that have: the member is here again from today."""
    found = get_object_or_404(Absence.objects.select_related("membership__user"), pk=absence_id)
    if not _may_plan(request, found.membership):
        raise Refused("people.manage")
    now = clock.now()
    absence.end(found, now=now)
    record("absence.ended", now=now, request=request, object_id=found.membership_id)
    toast(request, "The absence is off" if found.starts_on >= absence.today(now) else "The absence has ended")
    return _back(request, found.membership)


def _page(request: HttpRequest, member: Membership) -> HttpResponse:
    now = clock.now()
    today = absence.today(now)
    form = AbsenceForm(member, today, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            planned = absence.plan(member, **form.cleaned_data)
        except absence.Overlaps as problem:
            other = problem.other
            form.add_error(
                "starts_on",
                f"{words.day(other.starts_on)} to {words.day(other.ends_on)} is written down already. End that first.",
            )
        else:
            moved = handover.hand_over(member, now=now)
            record("absence.planned", now=now, request=request, object_id=member.pk, moved=moved)
            toast(request, f"Written down, from {words.day(planned.starts_on)} to {words.day(planned.ends_on)}")
            return _back(request, member)
    context = {
        "member": member,
        "mine": member.pk == request.membership.pk,
        "form": form,
        "absences": absence.coming(member, now),
        "today": today,
    }
    return render(request, "accounts/absence.html", context, status=422 if form.is_bound else 200)


def _may_plan(request: HttpRequest, member: Membership) -> bool:
    """One's own, and those of whom one may change."""
    actor: Membership = request.membership
    return actor.pk == member.pk or (may(actor, "people.manage") and people.may_change(actor, member))


def _back(request: HttpRequest, member: Membership) -> HttpResponse:
    if member.pk == request.membership.pk:
        return redirect("my_absence", request.practice.slug)
    return redirect("member_absence", request.practice.slug, member.pk)
