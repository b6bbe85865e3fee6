"""“My data”: the patient's own copy of the record, behind a fresh look at his birthday (daily.md §13)."""

from datetime import datetime, timedelta

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from patients import record_copy, signin
from patients.portal import patient_view, signed_out
from portal.forms import MonthDayForm
from portal.views.signin import wrong
from prm import clock
from prm.audit.record import record
from prm.ui import pdf

FRESH = timedelta(minutes=10)  # all of the record in one file asks for more than a page: a phone may lie about


@sensitive_post_parameters("month", "day")
@require_http_methods(["GET", "HEAD", "POST"])
@patient_view
def my_data(request: HttpRequest) -> HttpResponse:
    """The copies to fetch, or the question for the birthday where it was not asked in the last ten minutes."""
    session, now = request.portal_session, clock.now()  # type: ignore[attr-defined]
    form = MonthDayForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            signin.again(session, form.cleaned_data["month"], form.cleaned_data["day"], now=now)
        except signin.WrongDate as problem:
            form.add_error(None, wrong(problem.left))
        except signin.Locked:
            record("portal.locked", now=now, request=request, patient_id=session.patient_id, actor_kind="patient")
            return signed_out(request, "locked")
        else:
            record("portal.checked", now=now, request=request, patient_id=session.patient_id, actor_kind="patient")
            return redirect("portal_my_data")
    context = {"form": form, "fresh": _fresh(request, now), "pdf": not pdf.missing(), "page": "help"}
    return render(request, "portal/my_data.html", context, status=422 if form.is_bound else 200)


@require_safe
@patient_view
def my_copy(request: HttpRequest, form: str) -> HttpResponse:
    """The copy as `pdf`, in the page's language, or `json`."""
    now, patient = clock.now(), request.patient  # type: ignore[attr-defined]
    if form not in record_copy.FORMS or (form == "pdf" and pdf.missing()):
        raise Http404
    if not _fresh(request, now):
        return redirect("portal_my_data")
    content = record_copy.make(request, patient, form, language=get_language() or "en", now=now)
    record("portal.copied", now=now, request=request, patient_id=patient.pk, actor_kind="patient", form=form)
    headers = {"Content-Disposition": f'attachment; filename="my-record-{timezone.localtime(now):%Y-%m-%d}.{form}"'}
    return HttpResponse(content, content_type=record_copy.FORMS[form], headers=headers)


def _fresh(request: HttpRequest, now: datetime) -> bool:
    """Whether the birth date was given just now, in whole or in part."""
    return now < request.portal_session.checked_at + FRESH  # type: ignore[attr-defined]
