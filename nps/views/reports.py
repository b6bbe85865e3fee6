"""The NPS report: its page, each chart as a fragment, and the same page as PDF, all from one query string."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import NoReverseMatch, reverse
from django.utils.text import slugify
from django.views.decorators.http import require_safe

from accounts import brand, scope
from accounts.access import may, staff_view
from accounts.models import Therapist
from nps import findings, masking, reports
from nps.models import RecoveryCase, Response, Stage
from nps.reports import Report, Scope
from nps.score import Bucket
from nps.views.feed import feedback_tabs
from patients import rights
from patients.models import Patient
from prm import clock
from prm.audit import record
from prm.ui import navigation, pdf, period
from prm.ui.problems import BadParameter
from prm.ui.templatetags.figures import chart_picture

SHOWN = {"": "Newest", **{bucket: f"{label}s" for bucket, label in reversed(Bucket.choices)}}


@staff_view("nps.report")
@require_safe
def report(request: HttpRequest) -> HttpResponse:
    """How loyal, where, why: score with interval, findings, parts, what they said."""
    found = _read(request)
    show = request.GET.get("show", "")
    if show not in SHOWN:
        raise BadParameter("show", show, f"one of {', '.join(filter(None, SHOWN))}")
    context = _context(request, found)
    if _reads_comments(request):
        context["comments"] = _comments(request, found, show)
        record.record(
            "responses.read", now=found.as_of, request=request, count=len(context["comments"]), bucket=show,
            patients=_quoted(context),
        )  # fmt: skip
        context["shown"] = [(label, _with(request, show=key), key == show) for key, label in SHOWN.items()]
    context |= {
        "pictures": {key: _url(request, "nps:report_chart", key) for key in findings.CHARTS},
        "pdf_url": _url(request, "nps:report_pdf"),
        "pdf_missing": pdf.missing(),
        "periods": period.CHOICES,
        "comparisons": period.COMPARISONS,
        "stages": Stage.choices,
        "tabs": feedback_tabs(request, "nps:report"),
        "recovery_url": _inbox(request),
        "filtered": any(request.GET.values()),
        "of_samples": _counted_samples(request),
    }
    return render(request, "nps/report.html", context)


@staff_view("nps.report")
@require_safe
def report_chart(request: HttpRequest, key: str) -> HttpResponse:
    """One chart of the report: the picture alone for htmx, a page with it and its table without."""
    if key not in findings.CHARTS:
        raise Http404
    chart = findings.CHARTS[key](_read(request))
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponse(chart_picture(chart))
    return render(request, "nps/report_chart.html", {"chart": chart, "back": _url(request, "nps:report")})


@staff_view("nps.report")
@require_safe
def report_pdf(request: HttpRequest) -> HttpResponse:
    """The same report as PDF; an owner or manager may add the comments, masked (`comments=1`). Audited."""
    found = _read(request)
    if command := pdf.missing():
        return render(request, "nps/report_no_pdf.html", {"command": command}, status=503)
    context = _context(request, found)
    with_comments = request.GET.get("comments") == "1" and _reads_comments(request)
    if with_comments:
        context["comments"] = _comments(request, found, "")
    context["logo"] = brand.as_data(request.practice)  # type: ignore[attr-defined]
    made = pdf.render(render_to_string("nps/report_print.html", context, request))
    record.record(
        "nps_report_exported", now=found.as_of, request=request, kind="pdf", period=found.period.key,
        first=found.period.first.isoformat(), last=found.period.last.isoformat(), comments=with_comments,
        clinic=str(found.scope.clinic.pk) if found.scope.clinic else "", stage=found.scope.stage,
        therapist=str(found.scope.therapist.pk) if found.scope.therapist else "", patients=_quoted(context),
    )  # fmt: skip
    if with_comments:
        rights.record_export(
            recipient=rights.named(request.user), what="NPS report (PDF) with comments, names masked",  # type: ignore[arg-type]
            purpose="Report of the practice", by=request.user, now=found.as_of, patients=_quoted(context),  # type: ignore[arg-type]
        )  # fmt: skip
    practice = request.practice  # type: ignore[attr-defined]
    name = f"nps-{slugify(practice.name)}-{found.period.first.isoformat()}-{found.period.last.isoformat()}.pdf"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(made, content_type="application/pdf", headers=headers)


def _counted_samples(request: HttpRequest) -> int:
    """How many sample patients the figures count; asked with the side bar's."""
    samples = navigation.figure(Patient.objects.counted_samples())
    return navigation.figures(request, samples=samples)["samples"]


def _read(request: HttpRequest) -> Report:
    """The report that the URL asks for. BadParameter (400) names what is wrong, Http404 for another practice's id."""
    now = clock.now()
    asked = period.resolve(request.GET.dict(), now, request.practice.zone)  # type: ignore[attr-defined]
    stage = request.GET.get("stage", "")
    if stage and stage not in Stage.values:
        raise BadParameter("stage", stage, f"one of {', '.join(Stage.values)}")
    sight = scope.of(request.membership)  # type: ignore[attr-defined]
    chosen = Scope(
        clinic=_named(request, "clinic", scope.clinics_of(sight)),
        therapist=_named(request, "therapist", Therapist.objects.all()),
        stage=stage,
        seen=sight,
    )
    return reports.report(asked, chosen, now=now)


def _named(request: HttpRequest, name: str, rows: QuerySet[Any]) -> Any:
    text = request.GET.get(name, "")
    if not text:
        return None
    try:
        key = UUID(text)
    except ValueError:
        raise BadParameter(name, text, f"the id of a {name}") from None
    row = rows.filter(pk=key).first()
    if row is None:
        raise Http404
    return row


def _context(request: HttpRequest, found: Report) -> dict[str, Any]:
    return {
        "report": found,
        "figures": found.figures,
        "change": findings.change_sentence(found),
        "volume": findings.volume_sentence(found),
        "benchmark": findings.benchmark_sentence(found),
        "charts": {key: build(found) for key, build in findings.CHARTS.items()},
        "as_of": findings.as_of(found),
    }


def _reads_comments(request: HttpRequest) -> bool:
    """Names and words are for owners and managers (nps.md 4)."""
    return may(request.membership, "nps.answers")  # type: ignore[attr-defined]


def _comments(request: HttpRequest, found: Report, show: str) -> list[dict[str, Any]]:
    rows = reports.comments(found.period.start, found.period.end, found.scope, bucket=show)
    return [
        {
            "response": row,
            "masked": masking.mask(row.comment_text),
            "on": row.answered_at.astimezone(found.period.zone).date(),
            "where": findings.visit_words(row),
            "patient_url": _link(request, "patient", row.patient_id),
            "case_url": _link(request, "recovery_case", row.case_id) if row.case_id else "",
            "case": _case_words(row, found),
        }
        for row in rows
    ]


def _quoted(context: dict[str, Any]) -> list[UUID]:
    """Whose words the page shows."""
    return [row["response"].patient_id for row in context.get("comments", [])]


def _case_words(response: Response, found: Report) -> tuple[str, str]:
    """The state of its case, and its tone."""
    case = response.case
    if case is None:
        return "", ""
    if case.state == RecoveryCase.State.RESOLVED:
        return f"Case resolved: {case.get_outcome_display().lower()}", "good"
    if case.contacted_at is None and case.due_at < found.as_of:
        return "Case open, overdue", "bad"
    return f"Case {case.get_state_display().lower()}", "warn"


def _link(request: HttpRequest, name: str, *args: object) -> str:
    """The page of that name in this practice; empty where it does not exist (yet)."""
    try:
        return reverse(name, args=[request.practice.slug, *args])  # type: ignore[attr-defined]
    except NoReverseMatch:
        return ""


def _inbox(request: HttpRequest) -> str:
    """Where recovery cases are worked, for those who may open it."""
    inbox = _link(request, "inbox")
    return f"{inbox}?view=recovery" if inbox and may(request.membership, "inbox.view") else ""  # type: ignore[attr-defined]


def _url(request: HttpRequest, name: str, *args: object) -> str:
    query = request.GET.urlencode()
    return f"{_link(request, name, *args)}{'?' if query else ''}{query}"


def _with(request: HttpRequest, **changes: str) -> str:
    query = request.GET.copy()
    for key, value in changes.items():
        query[key] = value
        if not value:
            del query[key]
    return f"{request.path}?{query.urlencode()}" if query else request.path
