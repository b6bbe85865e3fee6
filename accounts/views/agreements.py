"""Settings: what the practice has signed with the platform and with its providers."""

from datetime import date
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template import TemplateDoesNotExist
from django.template.loader import get_template
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import agreement_files, agreements
from accounts.access import staff_view
from accounts.models import Agreement, AgreementFile
from accounts.once import once
from prm import clock
from prm.audit.record import record
from prm.ui.problems import Conflict
from prm.ui.toasts import toast

Party, Status = Agreement.Party, Agreement.Status
KNOWN = (Party.SENDGRID, Party.TWILIO, Party.SMTP, Party.STORAGE)


class SignForm(forms.Form):
    """Signing the platform's current text."""

    signatory = forms.CharField(label="Name of who signs", max_length=120)
    agreed = forms.BooleanField(
        label="I have read the agreement, I may sign for the practice, and I sign it",
        error_messages={"required": "Tick this to sign the agreement."},
    )


class AgreementForm(forms.ModelForm):
    """One provider's agreement; the paper is optional, a date is not where it is signed."""

    paper = forms.FileField(
        label="Signed paper", required=False,
        help_text="PDF or picture, up to 10 MB. It is kept encrypted; a new one takes the place of the old.",
    )  # fmt: skip
    acknowledged = forms.BooleanField(
        label="We know: no health information may go through this provider",
        help_text="Messages through it then say names, times and links, and nothing about care.", required=False,
    )  # fmt: skip
    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = Agreement
        fields = ["name", "status", "signatory", "signed_on", "expires_on"]
        labels = {
            "name": "Provider", "status": "Business associate agreement", "signatory": "Who signed for the practice",
            "signed_on": "Signed on", "expires_on": "Ends on",
        }  # fmt: skip
        help_texts = {
            "signed_on": "Needed where it is signed.", "expires_on": "30 days before, this comes to the inbox.",
        }  # fmt: skip
        widgets = {
            "status": forms.RadioSelect, "signed_on": forms.DateInput(attrs={"type": "date"}),
            "expires_on": forms.DateInput(attrs={"type": "date"}),
        }  # fmt: skip

    def __init__(self, *args: Any, party: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.instance.party = party
        self.fields["status"].choices = Status.choices
        self.initial["status"] = self.instance.status or Status.SIGNED
        if self.instance.pk and not self.instance._state.adding:
            self.initial["seen"] = self.instance.recorded_at.isoformat()
            self.initial["acknowledged"] = self.instance.acknowledged_at is not None
        if party != Party.OTHER:
            del self.fields["name"]
        else:
            self.fields["name"].required = True

    def clean_paper(self) -> agreement_files.Paper | None:
        """The file, checked and read."""
        upload = self.cleaned_data["paper"]
        return agreement_files.check(upload) if upload else None

    def clean(self) -> dict[str, Any]:
        """What a status asks for."""
        given = super().clean() or {}
        signed, ends = given.get("signed_on"), given.get("expires_on")
        if given.get("status") == Status.SIGNED:
            if not signed and "signed_on" not in self.errors:
                self.add_error("signed_on", "Say when it was signed.")
        elif not given.get("acknowledged"):
            self.add_error("acknowledged", "Tick this: without an agreement no health information may pass.")
        if signed and ends and ends <= signed:
            self.add_error("expires_on", "This is before the day on which it was signed.")
        return given

    def was_seen(self) -> bool:
        """False where somebody has saved the agreement since this form was opened."""
        new = self.instance._state.adding
        return new or self.data.get("seen") == self.initial["seen"]


@staff_view("practice.own")
@require_safe
def register(request: HttpRequest) -> HttpResponse:
    """The agreement with the platform, and one line a provider."""
    practice = request.practice  # type: ignore[attr-defined]
    today = clock.now().astimezone(practice.zone).date()
    rows = Agreement.objects.exclude(party=Party.OPERATOR).select_related("recorded_by").order_by("name")
    kept = dict(AgreementFile.objects.values_list("agreement", "name"))
    recorded = list(rows)
    by_party = {row.party: row for row in recorded if row.party != Party.OTHER}
    others = [row for row in recorded if row.party == Party.OTHER]
    lines = [_line(party, by_party.get(party), kept, today) for party in KNOWN]
    lines += [_line(Party.OTHER, row, kept, today) for row in others]
    platform = agreements.with_platform()
    context = {
        "platform": platform, "is_current": platform is not None and platform.version == agreements.CURRENT,
        "current": agreements.CURRENT, "operator": settings.OPERATOR, "lines": lines,
    }  # fmt: skip
    return render(request, "accounts/agreements.html", context)


def _line(party: str, row: Agreement | None, kept: dict[UUID, str], today: date) -> dict[str, Any]:
    ended = bool(row and row.expires_on and row.expires_on < today)
    soon = bool(row and row.expires_on and not ended and row.expires_on <= today + agreements.REMIND)
    return {
        "party": party, "label": row.label if row else str(Party(party).label), "row": row, "ended": ended,
        "soon": soon, "paper": kept.get(row.pk) if row else None,
    }  # fmt: skip


@staff_view("practice.own")
@require_safe
def text(request: HttpRequest, version: str) -> HttpResponse:
    """The words of one version of the platform's agreement."""
    template = agreements.text_template(version)
    try:
        get_template(template)
    except TemplateDoesNotExist:
        raise Http404 from None
    context: dict[str, Any] = {"version": version, "agreement": template, "operator": settings.OPERATOR}
    signed = Agreement.objects.filter(party=Party.OPERATOR, version=version).exists()
    if version == agreements.CURRENT and not signed:
        context["form"] = SignForm(initial={"signatory": request.user.name})  # type: ignore[union-attr]
    return render(request, "accounts/agreement_text.html", context)


@staff_view("practice.own")
@require_POST
def signature(request: HttpRequest) -> HttpResponse:
    """Sign the platform's current text: a practice made from a shell, or a new version."""
    form = SignForm(request.POST)
    if not form.is_valid():
        context = {"version": agreements.CURRENT, "operator": settings.OPERATOR, "form": form}
        context["agreement"] = agreements.text_template(agreements.CURRENT)
        return render(request, "accounts/agreement_text.html", context, status=422)
    practice, now = request.practice, clock.now()  # type: ignore[attr-defined]
    signed = agreements.agree(
        signatory=form.cleaned_data["signatory"], by=request.user, now=now, practice=practice,  # type: ignore[arg-type]
    )  # fmt: skip
    record("agreement.signed", now=now, request=request, object_id=signed.pk, version=signed.version)
    toast(request, f"Agreement {signed.version} signed")
    return redirect("agreements", practice.slug)


@staff_view("practice.own")
@require_http_methods(["GET", "POST"])
@once
def new(request: HttpRequest) -> HttpResponse:
    """A provider's agreement that is not recorded yet; `?party=` says whose, none another provider's."""
    party = request.GET.get("party", Party.OTHER)
    if party not in {*KNOWN, Party.OTHER}:
        raise Http404
    known = Agreement.objects.filter(party=party).first() if party != Party.OTHER else None
    if known is not None:
        return redirect("agreement", request.practice.slug, known.pk)  # type: ignore[attr-defined]
    return _edit(request, Agreement(party=party))


@staff_view("practice.own")
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, agreement_id: UUID) -> HttpResponse:
    """Change what is recorded of one provider."""
    row = get_object_or_404(Agreement.objects.exclude(party=Party.OPERATOR), pk=agreement_id)
    return _edit(request, row)


def _edit(request: HttpRequest, row: Agreement) -> HttpResponse:
    posted = (request.POST, request.FILES) if request.method == "POST" else ()
    form = AgreementForm(*posted, instance=row, party=row.party)
    if form.is_bound and not form.was_seen():
        raise Conflict("Somebody else has saved this agreement since you opened it. Open it again and look.")
    if form.is_valid():
        try:
            _save(request, form)
        except IntegrityError:
            form.add_error("name" if "name" in form.fields else None, "This provider is in the list already.")
        else:
            return redirect("agreements", request.practice.slug)  # type: ignore[attr-defined]
    kept = AgreementFile.objects.filter(agreement=row).defer("sealed").first()
    label = row.label if not row._state.adding or row.party != Party.OTHER else "Another provider"
    context = {"form": form, "label": label, "row": row, "paper": kept}
    return render(request, "accounts/agreement.html", context, status=422 if form.errors else 200)


def _save(request: HttpRequest, form: AgreementForm) -> None:
    """Write the row and its paper, and say so in the audit."""
    now = clock.now()
    row: Agreement = form.instance
    was = row.acknowledged_at
    signed = row.status == Status.SIGNED
    row.acknowledged_at = None if signed else (was or now)
    if not signed:
        row.signed_on = row.expires_on = None
    row.recorded_by, row.recorded_at = request.user, now  # type: ignore[assignment]
    with transaction.atomic():
        row.save()
        if form.cleaned_data["paper"]:
            agreement_files.keep(row, form.cleaned_data["paper"], now=now)
        record(
            "agreement.recorded", now=now, request=request, object_id=row.pk, party=row.party, status=row.status,
            paper=bool(form.cleaned_data["paper"]),
        )  # fmt: skip
    toast(request, f"{row.label}: {row.get_status_display().lower()}")


@staff_view("practice.own")
@require_safe
def paper(request: HttpRequest, agreement_id: UUID) -> HttpResponse:
    """The signed paper, decrypted, as a download."""
    kept = get_object_or_404(AgreementFile, agreement=agreement_id)
    if request.method == "GET":
        record("agreement.paper_read", now=clock.now(), request=request, object_id=agreement_id)
    response = HttpResponse(kept.open(), content_type=kept.media_type)
    response["Content-Disposition"] = content_disposition_header(True, kept.name) or "attachment"
    response["Cache-Control"] = "no-store"
    return response
