"""Settings, audit record: who saw or changed what, whether the record is as it was sealed, the same as CSV."""

from datetime import date
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.access import staff_view
from dashboard import audit_log
from patients import rights, search
from patients.models import Patient
from prm import clock
from prm.audit import checks, seal, sentences, tasks
from prm.audit.record import record
from prm.ui import words
from prm.ui.tables import BadCursor, Page, keyset_page
from prm.ui.toasts import toast

SUPPORT = "support"  # in place of a person: whoever looked in under an owner's grant
CHOICES = 8  # patients offered where a name fits several


class FilterForm(forms.Form):
    """The filter as its reader fills it in; it lives in the URL."""

    person = forms.ChoiceField(label="Person", required=False)
    patient = forms.CharField(label="Patient", required=False, max_length=80)
    what = forms.ChoiceField(label="What", required=False, choices=[("", "Everything"), *sentences.GROUPS.items()])
    begin = forms.DateField(label="From", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    end = forms.DateField(label="To", required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.people = audit_log.people()
        known = [(str(pk), name) for pk, name in self.people.items()]
        self.fields["person"].choices = [("", "Everybody"), *known, (SUPPORT, "The platform’s support")]
        self.fields["patient"].widget.attrs["placeholder"] = "Last name, phone or birth date"

    def clean(self) -> dict[str, Any]:
        """The days in order; the patient by id, or by the one whom the words fit."""
        given = super().clean() or {}
        if given.get("begin") and given.get("end") and given["begin"] > given["end"]:
            self.add_error("end", "This is before the first day.")
        self.named, self.choices = _patient(given.get("patient", "").strip())
        if given.get("patient") and self.named is None and not self.choices:
            self.add_error("patient", "Nobody found. Type the start of a last name, a phone number or a birth date.")
        return given

    def asked(self) -> audit_log.Filter:
        """What was asked for; of a form with errors the parts that are right."""
        given = getattr(self, "cleaned_data", {})
        person = given.get("person")
        return audit_log.Filter(
            person=UUID(person) if person and person != SUPPORT else None, support=person == SUPPORT,
            patient=self.named.pk if getattr(self, "named", None) else None,
            group=given.get("what", ""), begin=given.get("begin"), end=given.get("end"),
        )  # fmt: skip


def _patient(asked: str) -> tuple[Patient | None, list[Patient]]:
    """The patient of an id, or of words that fit one; else those whom they fit."""
    if not asked:
        return None, []
    try:
        return Patient.objects.filter(pk=UUID(asked)).first(), []
    except ValueError:
        found = list(Patient.objects.filter(search.matching(asked)).order_by("search_name", "id")[:CHOICES])
    return (found[0], []) if len(found) == 1 else (None, found)


@staff_view("audit.view")
@require_safe
def audit(request: HttpRequest) -> HttpResponse:
    """The record, newest first, by person, patient, kind of act and day."""
    now = clock.now()
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "dashboard/audit.html#chain", _chain(request))
    form = FilterForm(request.GET)
    form.is_valid()
    asked = form.asked()
    page = _page(request, asked, now)
    if asked.patient:
        form.data = form.data.copy()
        form.data["patient"] = form.named.full_name
    shown = audit_log.rows(page.rows, form.people)
    record(
        "audit.read", now=now, request=request, patient_id=asked.patient, count=len(shown),
        patients=[row.patient.pk for row in shown if row.patient],
    )  # fmt: skip
    context = {
        "form": form, "page": page, "rows": shown, "asked": asked, "choices": getattr(form, "choices", []),
        "named": getattr(form, "named", None), "query": _query(request, asked), "since": _since(asked),
        **_chain(request),
    }  # fmt: skip
    return render(request, "dashboard/audit.html", context, status=422 if form.errors else 200)


@staff_view("audit.view")
@require_safe
def audit_export(request: HttpRequest) -> HttpResponse:
    """The same rows as CSV; the export is in the record itself."""
    now = clock.now()
    form = FilterForm(request.GET)
    if not form.is_valid() or form.choices:
        return redirect(f"{reverse('audit', args=[request.practice.slug])}?{request.GET.urlencode()}")  # type: ignore[attr-defined]
    asked = form.asked()
    found = audit_log.events(asked, request.practice.zone, now=now)  # type: ignore[attr-defined]
    text = audit_log.export(found, form.people)
    if text is None:
        toast(request, f"More than {words.count(audit_log.MOST_EXPORTED)} events. Choose fewer days, then export.")
        return redirect(f"{reverse('audit', args=[request.practice.slug])}?{request.GET.urlencode()}")  # type: ignore[attr-defined]
    named = audit_log.named_in(found)
    record(
        "audit.exported",
        now=now,
        request=request,
        patient_id=asked.patient,
        patients=named,
        rows=text.count("\r\n") - 1,
    )
    user = request.user
    rights.record_export(
        recipient=rights.named(user), what="The audit record (CSV): who saw or changed the record, and when",  # type: ignore[arg-type]
        purpose="Export by an owner", by=user, now=now, patients=named,  # type: ignore[arg-type]
    )  # fmt: skip
    name = f"audit-{request.practice.slug}-{timezone.localtime(now):%Y-%m-%d}.csv"  # type: ignore[attr-defined]
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=headers)


@staff_view("audit.view")
@require_POST
def audit_check(request: HttpRequest) -> HttpResponse:
    """Check the whole chain now; a worker does it, the page says how far it is."""
    now = clock.now()
    checks.begin(now=now)
    record("audit.checked", now=now, request=request)
    tasks.nudge()
    toast(request, "Checking the record against its seals")
    return redirect("audit", request.practice.slug)  # type: ignore[attr-defined]


def _page(request: HttpRequest, asked: audit_log.Filter, now: Any) -> Page:
    found = audit_log.events(asked, request.practice.zone, now=now)  # type: ignore[attr-defined]
    try:
        return keyset_page(found, audit_log.NEWEST_FIRST, after=request.GET.get("after", ""))
    except BadCursor:
        return keyset_page(found, audit_log.NEWEST_FIRST)


def _chain(request: HttpRequest) -> dict[str, Any]:
    """How far the record is sealed, and what the newest check found."""
    sealed, check = checks.sealed_through(), checks.newest()
    days = (check.days if check and check.finished_at else 0) or 0
    return {
        "sealed": sealed, "check": check, "running": bool(check and check.finished_at is None), "checked_days": days,
        "expected": seal.last_closed_day(clock.now()),
        "findings": [
            {"day": date.fromisoformat(one["day"]), "what": one["what"]} for one in (check.findings if check else [])
        ],
    }  # fmt: skip


def _query(request: HttpRequest, asked: audit_log.Filter) -> str:
    """The filter for the export's address: the patient by id, no page."""
    given = request.GET.copy()
    given.pop("after", None)
    if asked.patient:
        given["patient"] = str(asked.patient)
    return given.urlencode()


def _since(asked: audit_log.Filter) -> int:
    """Of how many days the page is, where nobody said so; 0: of all."""
    return audit_log.SHOWN_DAYS if asked.patient and not asked.begin else 0
