"""Sign-in security of a practice: idle time, colleagues' sessions, and who asks to be let in again."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts import factor_recovery, people, sessions, sign_in_record
from accounts.access import Refused, staff_view
from accounts.forms import IdleForm
from accounts.models import Membership
from accounts.recheck import recently_checked
from accounts.views import answers
from prm import clock
from prm.audit.record import record
from prm.ui.toasts import toast


@staff_view("people.manage")
@require_http_methods(["GET", "POST"])
def security(request: HttpRequest) -> HttpResponse:
    """Everything about signing in that the practice decides."""
    here: Any = request
    before = here.practice.idle_minutes
    form = IdleForm(request.POST or None, instance=here.practice)
    if request.method == "POST" and form.is_valid():
        if form.cleaned_data["idle_minutes"] != before:
            form.save()
            record("signin.idle_changed", now=clock.now(), request=request, minutes=form.cleaned_data["idle_minutes"])
        toast(request, "Saved.")
        return redirect("signin_security", here.practice.slug)
    members = Membership.objects.filter(ended_at=None).select_related("user").prefetch_related("clinics")
    seen = [one for one in members.order_by("user__name", "pk") if people.may_end_sessions(here.membership, one)]
    context = {
        "form": form, "colleagues": sessions.by_member(seen),
        "asked": factor_recovery.to_decide(here.membership, now=clock.now()),
    }  # fmt: skip
    return render(request, "accounts/signin_security.html", context, status=answers.status(form))


@staff_view("people.manage", while_suspended=True)
@recently_checked
@require_POST
def sessions_end(request: HttpRequest, membership_id: UUID) -> HttpResponse:
    """End one session of a colleague, or all of them, such as where a laptop was lost; an owner's only by an owner."""
    actor: Membership = request.membership  # type: ignore[attr-defined]
    member = get_object_or_404(Membership.objects.filter(ended_at=None).select_related("user"), pk=membership_id)
    if not people.may_end_sessions(actor, member):
        raise Refused("practice.own" if actor.pk != member.pk else "mine")
    chosen = request.POST.get("session", "")
    ended = int(sessions.end_session(member.user, chosen)) if chosen else sessions.end_sessions(member.user)
    if ended:
        sign_in_record.record_for(member.user, "session.ended", now=clock.now(), request=request, count=ended)
    toast(request, _said(member, ended, one=bool(chosen)))
    if request.POST.get("back") == "member":
        return redirect("member", request.practice.slug, member.pk)  # type: ignore[attr-defined]
    return redirect("signin_security", request.practice.slug)  # type: ignore[attr-defined]


def _said(member: Membership, ended: int, *, one: bool) -> str:
    if not ended:
        return "It had ended already." if one else "There was nothing to end."
    return f"{member.user.name} is signed out there." if one else f"{member.user.name} is signed out everywhere."
