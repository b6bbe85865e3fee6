"""Settings: who works here, as what; inviting, changing access, leaving."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import absence, invitations, people, role_words, sessions
from accounts.access import Refused, staff_view
from accounts.models import Clinic, Invitation, Membership
from accounts.once import once
from accounts.people_forms import AccessForm, DepartureForm, InviteForm
from prm import clock
from prm.audit.record import record
from prm.ui.problems import Conflict
from prm.ui.toasts import toast

PERMISSION = "people.manage"
OWNERS = "practice.own"  # who may where `people.may_change` says no: the 403 page names them


@require_safe
@staff_view(PERMISSION)
def members(request: HttpRequest) -> HttpResponse:
    """Everybody who works here, who was asked to, and who has left."""
    now = clock.now()
    everybody = list(_with_facts(Membership.objects).order_by("user__name", "pk"))
    here = [one for one in everybody if one.ended_at is None]
    away = absence.current_of(here, now)
    context = {
        "members": [(one, away.get(one.pk)) for one in here],
        "left": [one for one in everybody if one.ended_at is not None],
        "invited": [
            (one, one.expires_at <= now, _may_answer_for(request, one)) for one in invitations.open_ones()
        ],
    }  # fmt: skip
    return render(request, "accounts/people.html", context)


@require_http_methods(["GET", "POST"])
@staff_view(PERMISSION)
@once
def invite(request: HttpRequest) -> HttpResponse:
    """Ask a person to join."""
    form = InviteForm(request.membership, request.POST or None)
    if request.method == "POST" and form.is_valid():
        now, given = clock.now(), form.cleaned_data
        made = invitations.invite(
            request.practice, given["email"], given["role"], by=request.membership,
            clinics=given.get("clinics", ()), therapist=given["therapist"], now=now,
        )  # fmt: skip
        record("invitation.sent", now=now, request=request, object_id=made.pk, role=made.role)
        toast(request, f"Invited {made.email}", undo=_url(request, "invitation_withdrawal", made.pk))
        return redirect("people", request.practice.slug)
    return render(request, "accounts/people_invite.html", {"form": form}, status=422 if form.is_bound else 200)


@require_safe
@staff_view(PERMISSION)
def member(request: HttpRequest, membership_id: UUID) -> HttpResponse:
    """One person: what he may, where, and how to change it."""
    return _member_page(request, _find(membership_id))


@require_POST
@staff_view(PERMISSION, while_suspended=True)
def access(request: HttpRequest, membership_id: UUID) -> HttpResponse:
    """Change role, clinics and profile of a member who is here."""
    found = _find_changeable(request, membership_id)
    form = AccessForm(request.membership, request.POST, member=found)
    if not form.is_valid():
        return _member_page(request, found, access_form=form, status=422)
    if request.POST.get("seen") != people.seen(found):
        raise Conflict(f"Somebody else changed the access of {found.user.name} meanwhile. Look at it again.")
    now, given = clock.now(), form.cleaned_data
    clinics = given.get("clinics", Clinic.objects.filter(pk__in=people.clinics_of(found)))
    try:
        facts = people.change(
            request.practice, found, role=given["role"], clinics=clinics, therapist=given["therapist"], now=now
        )
    except people.LastOwner:
        form.add_error("role", "The practice needs an owner. Make somebody else an owner first.")
        return _member_page(request, found, access_form=form, status=422)
    if facts:
        record("permission.changed", now=now, request=request, object_id=found.pk, **facts)
    toast(request, f"Saved the access of {found.user.name}" if facts else "Nothing was changed")
    return redirect("member", request.practice.slug, found.pk)


@require_POST
@staff_view(PERMISSION, while_suspended=True)
def departure(request: HttpRequest, membership_id: UUID) -> HttpResponse:
    """End a membership; the person's open work goes to the chosen colleague."""
    found = _find_changeable(request, membership_id)
    form = DepartureForm(found, request.POST)
    if not form.is_valid():
        return _member_page(request, found, departure_form=form, status=422)
    now = clock.now()
    try:
        moved = people.leave(request.practice, found, cover=form.cleaned_data["cover"], now=now)
    except people.LastOwner:
        form.add_error(None, "The practice needs an owner. Make somebody else an owner first.")
        return _member_page(request, found, departure_form=form, status=422)
    record(
        "permission.changed",
        now=now,
        request=request,
        object_id=found.pk,
        old_role=found.role,
        new_role="",
        moved=moved,
    )
    toast(request, f"{found.user.name} has no access any more", undo=_url(request, "departure_undo", found.pk))
    return redirect("people", request.practice.slug)


@require_POST
@staff_view(PERMISSION, while_suspended=True)
def departure_undo(request: HttpRequest, membership_id: UUID) -> HttpResponse:
    """Take an end back that was just made."""
    found = _find(membership_id)
    if not people.may_change(request.membership, found):
        raise Refused(OWNERS)
    now = clock.now()
    try:
        back = people.come_back(found, now=now)
    except people.TooLateToUndo:
        raise Conflict(f"{found.user.name} left more than ten minutes ago. Invite them again.") from None
    if back:
        record("permission.changed", now=now, request=request, object_id=found.pk, old_role="", new_role=found.role)
        toast(request, f"{found.user.name} is back. Work that moved stays where it is.")
    return redirect("people", request.practice.slug)


@require_POST
@staff_view(PERMISSION)
@once
def invitation_renewal(request: HttpRequest, invitation_id: UUID) -> HttpResponse:
    """Send a new link; the old one works no more."""
    found, now = _find_invitation(request, invitation_id), clock.now()
    try:
        invitations.renew(request.practice, found, by=request.membership, now=now)
    except invitations.NotOpen:
        raise Conflict("This invitation was used or withdrawn meanwhile.") from None
    record("invitation.sent", now=now, request=request, object_id=found.pk, role=found.role, again=True)
    toast(request, f"Sent {found.email} a new link. The old one works no more.")
    return redirect("people", request.practice.slug)


@require_POST
@staff_view(PERMISSION, while_suspended=True)
def invitation_withdrawal(request: HttpRequest, invitation_id: UUID) -> HttpResponse:
    """The link works no more."""
    found, now = _find_invitation(request, invitation_id), clock.now()
    if invitations.withdraw(found, now=now):
        record("invitation.withdrawn", now=now, request=request, object_id=found.pk, role=found.role)
        toast(request, f"The invitation of {found.email} works no more")
    return redirect("people", request.practice.slug)


def _member_page(
    request: HttpRequest, found: Membership, *, access_form: AccessForm | None = None,
    departure_form: DepartureForm | None = None, status: int = 200,
) -> HttpResponse:  # fmt: skip
    now: datetime = clock.now()
    changeable = found.ended_at is None and people.may_change(request.membership, found)
    context: dict[str, Any] = {
        "member": found,
        "changeable": changeable,
        "why_not": "" if changeable else _why_not(request.membership, found),
        "may": role_words.may_do(found.role),
        "absences": absence.coming(found, now),
    }  # fmt: skip
    if changeable:
        start = {"role": found.role, "clinics": people.clinics_of(found), "therapist": found.therapist_id}
        context |= {
            "access_form": access_form or AccessForm(request.membership, initial=start, member=found),
            "departure_form": departure_form or DepartureForm(found),
            "seen": people.seen(found),
            "sessions": sessions.sessions_of(found.user),
        }
    return render(request, "accounts/people_member.html", context, status=status)


def _why_not(actor: Membership, found: Membership) -> str:
    """Why the reader may not change this person's access, as a sentence."""
    if found.ended_at is not None:
        return "This person has left. To come back they need an invitation."
    if actor.pk == found.pk:
        return "This is you. Somebody else must change your access."
    if found.role not in people.roles_to_give(actor):
        return "Only an owner changes the access of an owner."
    return (
        "This person works in clinics that you do not see. An owner, or a manager of all clinics, changes their access."
    )


def _with_facts(rows: Any) -> Any:
    """Members with what the pages say about them."""
    return rows.select_related("user", "therapist").prefetch_related(
        Prefetch("clinics", Clinic.objects.order_by("name"))
    )


def _find(membership_id: UUID) -> Membership:
    return get_object_or_404(_with_facts(Membership.objects), pk=membership_id)


def _find_changeable(request: HttpRequest, membership_id: UUID) -> Membership:
    """The member, where he is here and the reader may change his access. 404, Refused."""
    found = get_object_or_404(_with_facts(Membership.objects.filter(ended_at=None)), pk=membership_id)
    if not people.may_change(request.membership, found):
        raise Refused(OWNERS)
    return found


def _may_answer_for(request: HttpRequest, invitation: Invitation) -> bool:
    """Whether the reader could have sent this invitation himself."""
    actor: Membership = request.membership
    clinics = [clinic.pk for clinic in invitation.clinics.all()]
    return invitation.role in people.roles_to_give(actor) and people.within(actor, clinics)


def _find_invitation(request: HttpRequest, invitation_id: UUID) -> Invitation:
    found = get_object_or_404(Invitation.objects.prefetch_related("clinics"), pk=invitation_id)
    if not _may_answer_for(request, found):
        raise Refused(OWNERS)
    return found


def _url(request: HttpRequest, name: str, pk: UUID) -> str:
    return reverse(name, args=[request.practice.slug, pk])
