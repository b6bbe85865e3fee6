"""A patient's rights: no contact, corrections, who was told, a copy of the record."""

from datetime import datetime, time
from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import may, staff_view
from accounts.once import once
from patients import record_copy, rights
from patients.models import Amendment, Disclosure, Patient
from patients.models.rights import ANSWER_WITHIN
from patients.views.staff import head_of, patient_of
from prm import clock
from prm.audit.record import record
from prm.ui import pdf
from prm.ui.toasts import toast


class AmendmentForm(forms.Form):
    """What the patient says is wrong."""

    request = forms.CharField(
        label="What should be corrected?", max_length=4000, widget=forms.Textarea(attrs={"rows": 3}),
        help_text="In the patient’s own words. You have 60 days to answer.",
    )  # fmt: skip


class DecisionForm(forms.Form):
    """Accepted or denied, and the words for the patient."""

    decision = forms.ChoiceField(
        label="Decision", widget=forms.RadioSelect,
        choices=[(Amendment.Decision.ACCEPTED, "Accepted: it was corrected"), (Amendment.Decision.DENIED, "Denied")],
    )  # fmt: skip
    answer = forms.CharField(
        label="Your answer to the patient", max_length=4000, widget=forms.Textarea(attrs={"rows": 3})
    )


class DisclosureForm(forms.Form):
    """Who was told, when, what and why: what 45 CFR 164.528(b)(2) asks for."""

    on = forms.DateField(label="When", widget=forms.DateInput(attrs={"type": "date"}))
    recipient = forms.CharField(label="Who was told", max_length=160, help_text="Name, and address if you know it.")
    what = forms.CharField(label="What was told", max_length=240)
    purpose = forms.CharField(label="Why", max_length=240, help_text="Such as “Subpoena of June 3, case 24-118”.")

    def clean_on(self) -> datetime:
        """Noon of that day in the practice's zone; a day to come is refused."""
        day = self.cleaned_data["on"]
        if day > timezone.localtime(clock.now()).date():
            raise forms.ValidationError("Enter a day that has been. Nothing can be told in the future.")
        return timezone.make_aware(datetime.combine(day, time(12)))


@require_safe
@staff_view("patients.view")
def privacy(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """What the patient asked of the practice about the record, and what was done."""
    found = patient_of(request, patient_id)
    return found if isinstance(found, HttpResponse) else _page(request, found)


@require_POST
@staff_view("patients.restrict")
def restriction(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Contact this patient no more."""
    return _restrict(request, patient_id, on=True)


@require_POST
@staff_view("patients.restrict")
def restriction_undo(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Contact is allowed again."""
    return _restrict(request, patient_id, on=False)


@require_POST
@staff_view("patients.rights")
@once
def amendments(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """The patient says that something in the record is wrong."""
    found, form = _for_change(request, patient_id), AmendmentForm(request.POST)
    if not form.is_valid():
        return _page(request, found, amendment_form=form)
    now = clock.now()
    asked = rights.ask_amendment(found, form.cleaned_data["request"], by=request.user, now=now)
    record("amendment.asked", now=now, request=request, patient_id=found.pk, object_id=asked.pk)
    toast(request, "The request is on record")
    return _back(request, found)


@require_http_methods(["GET", "POST"])
@staff_view("patients.rights")
def amendment(request: HttpRequest, amendment_id: UUID) -> HttpResponse:
    """Decide one request to correct the record."""
    seen = Patient.objects.visible_to(request.membership)
    asked = get_object_or_404(Amendment.objects.filter(patient__in=seen).select_related("patient"), pk=amendment_id)
    now, form = clock.now(), DecisionForm(request.POST or None)
    record("patient.read", now=now, request=request, patient_id=asked.patient_id)
    if request.method == "POST" and form.is_valid():
        rights.decide_amendment(asked, by=request.user, now=now, **form.cleaned_data)
        record("amendment.decided", now=now, request=request, patient_id=asked.patient_id, object_id=asked.pk)
        toast(request, "Decided. Tell the patient in writing")
        return _back(request, asked.patient)
    context = {"asked": asked, "form": form, "due": asked.asked_at + ANSWER_WITHIN}
    return render(request, "patients/amendment.html", context, status=422 if form.is_bound else 200)


@require_POST
@staff_view("patients.rights")
@once
def disclosures(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Somebody outside was told about the patient."""
    found, form = _for_change(request, patient_id), DisclosureForm(request.POST)
    if not form.is_valid():
        return _page(request, found, disclosure_form=form)
    facts, now = form.cleaned_data, clock.now()
    made = Disclosure(patient=found, at=facts.pop("on"), by=request.user, entered_at=now).say(**facts)
    made.save(force_insert=True)
    record("disclosure.entered", now=now, request=request, patient_id=found.pk, object_id=made.pk)
    toast(request, "The disclosure is on record")
    return _back(request, found)


@require_safe
@staff_view("patients.rights")
def copy(request: HttpRequest, patient_id: UUID, form: str) -> HttpResponse:
    """The patient's copy of the record as `pdf` or `json`."""
    if form not in record_copy.FORMS:
        raise Http404
    found = patient_of(request, patient_id)
    if isinstance(found, HttpResponse):
        return found
    now = clock.now()
    if form == "pdf" and pdf.missing():
        return render(request, "nps/report_no_pdf.html", {"command": pdf.missing()}, status=503)
    content = record_copy.make(request, found, form, language=found.language, now=now)
    record("patient.copied", now=now, request=request, patient_id=found.pk, form=form)
    rights.record_export(
        recipient=f"{rights.named(request.user)}, for the patient", what=f"Copy of the record ({form.upper()})",
        purpose="The patient’s right to a copy (45 CFR 164.524)", by=request.user, now=now, patients=[found.pk],
    )  # fmt: skip
    headers = {"Content-Disposition": f'attachment; filename="record-{timezone.localtime(now):%Y-%m-%d}.{form}"'}
    return HttpResponse(content, content_type=record_copy.FORMS[form], headers=headers)


def _restrict(request: HttpRequest, patient_id: UUID, *, on: bool) -> HttpResponse:
    found, now = _for_change(request, patient_id), clock.now()
    if (rights.restrict if on else rights.lift_restriction)(found, now=now):
        record("contact.stopped" if on else "contact.allowed", now=now, request=request, patient_id=found.pk)
        other = "patient_restriction_undo" if on else "patient_restriction"
        toast(
            request,
            "Nothing is sent to this patient any more" if on else "This patient may be contacted again",
            undo=reverse(other, args=[request.practice.slug, found.pk]),
        )
    return _back(request, found)


def _for_change(request: HttpRequest, patient_id: UUID) -> Patient:
    return get_object_or_404(Patient.objects.visible_to(request.membership), pk=patient_id, merged_into=None)


def _back(request: HttpRequest, found: Patient) -> HttpResponse:
    return redirect("patient_privacy", request.practice.slug, found.pk)


def _page(request: HttpRequest, found: Patient, **forms_given: forms.Form) -> HttpResponse:
    now = clock.now()
    context: dict[str, Any] = head_of(request, found, "patient_privacy") | {
        "may_restrict": may(request.membership, "patients.restrict"),
        "may_answer": may(request.membership, "patients.rights"),
        "amendment_rows": [
            (one, one.asked_at + ANSWER_WITHIN) for one in found.amendments.order_by("-asked_at", "-id")
        ],
        "disclosure_rows": rights.disclosures(found, now=now)[:200],
        "amendment_form": AmendmentForm(prefix=None),
        "disclosure_form": DisclosureForm(initial={"on": timezone.localtime(now).date()}),
        "pdf_missing": pdf.missing(),
    }
    return render(request, "patients/privacy.html", context | forms_given, status=422 if forms_given else 200)
