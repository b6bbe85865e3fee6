"""The owner's choice of whose patients therapists see, beside what each role may do (daily.md section 12)."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts import practice_settings, role_words
from accounts.access import may, staff_view
from accounts.changing import Stale
from accounts.models import Membership, Practice
from prm import clock
from prm.audit.record import record
from prm.ui.problems import Conflict
from prm.ui.toasts import toast


class TherapistsSeeForm(forms.Form):
    """All of the practice's patients, or a therapist's own."""

    therapists_see = forms.ChoiceField(
        label="Therapists see", choices=Practice.TherapistsSee.choices, widget=forms.RadioSelect,
        help_text="Their own: an episode of theirs, or something about the patient was given to them to do.",
    )  # fmt: skip
    version = forms.IntegerField(widget=forms.HiddenInput)


@require_safe
@staff_view("people.manage")
def roles(request: HttpRequest) -> HttpResponse:
    """What each role may do, in words; for an owner the choice about therapists."""
    return _page(request, _form(request.practice))  # type: ignore[attr-defined]


@require_POST
@staff_view("practice.own")
def therapists_see(request: HttpRequest) -> HttpResponse:
    """Choose whose patients therapists see, from their next page on; nobody is signed out. Audited."""
    form = TherapistsSeeForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    now, sees = clock.now(), form.cleaned_data["therapists_see"]
    try:
        changed = practice_settings.change_practice(
            request.practice, by=request.user, now=now, version=form.cleaned_data["version"], therapists_see=sees  # type: ignore[attr-defined]
        )  # fmt: skip
    except Stale:
        raise Conflict("Somebody changed whose patients therapists see meanwhile. Look at it again.") from None
    if changed.fields:
        record("practice.therapists_see_chosen", now=now, request=request, therapists_see=sees)
    toast(request, "Saved")
    return redirect("people_roles", request.practice.slug)  # type: ignore[attr-defined]


def _form(practice: Practice) -> TherapistsSeeForm:
    return TherapistsSeeForm(initial={"therapists_see": practice.therapists_see, "version": practice.version})


def _page(request: HttpRequest, form: TherapistsSeeForm, status: int = 200) -> HttpResponse:
    owner = may(request.membership, "practice.own")  # type: ignore[attr-defined]
    context = {
        "roles": Membership.Role.choices,
        "lines": role_words.matrix(),
        "form": form if owner else None,
        "therapists_see": request.practice.get_therapists_see_display(),  # type: ignore[attr-defined]
    }
    return render(request, "accounts/people_roles.html", context, status=status)
