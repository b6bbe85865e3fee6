"""Settings: whether the platform's support may look in."""

from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts import support
from accounts.access import staff_view
from accounts.models import Membership, SupportGrant
from accounts.once import once
from prm import clock
from prm.audit.record import record
from prm.ui.toasts import toast

SHOWN = 50
LASTS = [(hours, f"{hours} hour" if hours == 1 else f"{hours} hours") for hours in support.HOURS]
EYES = [
    (Membership.Role.MANAGER, "A manager: patients, messages, feeds and settings"),
    (Membership.Role.FRONT_DESK, "The front desk: patients, inbox and outbox"),
    (Membership.Role.READ_ONLY, "A person who only reads: patients and figures"),
]


class GrantForm(forms.Form):
    """Why, for how long, with whose eyes."""

    reason = forms.CharField(
        label="What should support look at?", max_length=240, help_text="Support and your audit record read this."
    )
    hours = forms.TypedChoiceField(label="For", coerce=int, choices=LASTS, initial=4, widget=forms.RadioSelect)
    sees_as = forms.ChoiceField(
        label="Support sees what this role sees", choices=EYES, initial=Membership.Role.MANAGER,
        widget=forms.RadioSelect,
    )  # fmt: skip


@require_http_methods(["GET", "POST"])
@staff_view("practice.own")
@once
def support_access(request: HttpRequest) -> HttpResponse:
    """Who was let in and until when; opening the door."""
    form, now = GrantForm(request.POST or None), clock.now()
    if request.method == "POST" and form.is_valid():
        given = support.grant(request.practice, by=request.user, now=now, **form.cleaned_data)
        record("support.granted", now=now, request=request, object_id=given.pk, hours=form.cleaned_data["hours"])
        toast(request, "Support may look in now")
        return redirect("support_access", request.practice.slug)
    grants = SupportGrant.objects.select_related("granted_by", "ended_by").order_by("-granted_at")[:SHOWN]
    context = {"form": form, "grants": [(one, one.ended_at is None and one.until > now) for one in grants]}
    return render(request, "accounts/support_access.html", context, status=422 if form.is_bound else 200)


@require_POST
@staff_view("practice.own", while_suspended=True)
def support_end(request: HttpRequest, grant_id: UUID) -> HttpResponse:
    """Close the door again."""
    given, now = get_object_or_404(SupportGrant, pk=grant_id), clock.now()
    if support.end(given, by=request.user, now=now):
        record("support.ended", now=now, request=request, object_id=given.pk)
        toast(request, "Support is out")
    return redirect("support_access", request.practice.slug)
