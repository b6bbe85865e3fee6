"""What patients said, one by one, and the cases being worked on (nps.md section 9)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, QuerySet
from django.db.models.functions import JSONObject
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from accounts.access import FRONT_DESK, may, staff_view
from accounts.models import Membership
from nps import recovery
from nps.models import RecoveryCase, Response
from nps.score import Bucket
from patients import worklist
from prm import clock
from prm.audit.record import record
from prm.ui import navigation
from prm.ui.tables import BadCursor, Page, keyset_page

NEWEST_FIRST = ("-answered_at", "-id")


@require_GET
@staff_view("nps.answers")
def responses(request: HttpRequest) -> HttpResponse:
    """Every answer, newest first, by bucket and with words only; whoever reads people's words is audited."""
    bucket = request.GET.get("bucket", "")
    bucket = bucket if bucket in Bucket.values else ""
    with_words = request.GET.get("words") == "1"
    answers: QuerySet[Response] = Response.objects.valid().visible_to(request.membership)
    answers = answers.select_related("patient", "clinic", "therapist", "case")
    if with_words:
        answers = answers.exclude(comment=b"")
    totals = _totals(request, answers)
    page = _page(answers.in_bucket(bucket) if bucket else answers, request)
    record(
        "responses.read", now=clock.now(), request=request, count=len(page.rows), bucket=bucket,
        patients=[row.patient_id for row in page.rows],
    )  # fmt: skip
    return render(
        request,
        "nps/responses.html",
        {
            "page": page,
            "tabs": feedback_tabs(request, "nps:responses"),
            "buckets": [
                {"name": name, "label": label, "n": totals[name or "all"], "current": name == bucket}
                for name, label in (("", "All"), *((b.value, f"{b.label}s") for b in reversed(Bucket)))
            ],
            "bucket": bucket,
            "with_words": with_words,
        },
    )


@require_GET
@staff_view("nps.recover")
def recovery_list(request: HttpRequest) -> HttpResponse:
    """Open cases by due time; the front desk sees its own."""
    items = _items(request.membership).open().order_by("due_at", "id")
    items = items.select_related("owner__user", "patient", "clinic")[:200]
    cases = {
        case.pk: case
        for case in RecoveryCase.objects.filter(pk__in=[item.subject_id for item in items]).select_related("response")
    }
    now = clock.now()
    rows = [
        {"item": item, "case": cases[item.subject_id], "overdue": _overdue(cases[item.subject_id], now)}
        for item in items
        if item.subject_id in cases
    ]
    record(
        "recovery.listed", now=now, request=request, count=len(rows), patients=[row["item"].patient_id for row in rows]
    )
    return render(request, "nps/recovery_list.html", {"rows": rows, "tabs": feedback_tabs(request, "nps:recovery")})


@require_GET
@staff_view("nps.recover")
def recovery_case(request: HttpRequest, case_id: UUID) -> HttpResponse:
    """A case by its own id: where it is worked on, the inbox."""
    item = get_object_or_404(_items(request.membership).order_by("-opened_at"), subject_id=case_id)
    return redirect(reverse("inbox_item", args=[request.practice.slug, item.pk]))


def _items(member: Membership) -> Any:
    items = worklist.visible_to(member).filter(kind=recovery.KIND)
    return items.filter(owner=member) if member.role == FRONT_DESK else items


def _overdue(case: RecoveryCase, now: datetime) -> bool:
    return case.contacted_at is None and case.due_at <= now


def _totals(request: HttpRequest, answers: Any) -> dict[str, int]:
    """How many answers there are, `all` and by bucket."""
    counts = {name: Count("pk", filter=answers.bucket_is(name)) for name in Bucket.values}
    parts = navigation.summary(answers, JSONObject(all=Count("pk"), **counts))
    return navigation.figures(request, answers=parts)["answers"]


def _page(answers: QuerySet[Response], request: HttpRequest) -> Page:
    try:
        return keyset_page(answers, NEWEST_FIRST, after=request.GET.get("after", ""))
    except BadCursor:
        return keyset_page(answers, NEWEST_FIRST)


def feedback_tabs(request: HttpRequest, current: str) -> list[dict[str, Any]]:
    """The pages under Feedback that this reader may open; `current` is the URL name of the one shown."""
    member = request.membership
    wanted = [
        ("Overview", "nps:report", "nps.report"),
        ("Responses", "nps:responses", "nps.answers"),
        ("Recovery", "nps:recovery", "nps.recover"),
        ("Reviews", "nps:reviews", "nps.set_up"),
    ]
    return [
        {"label": label, "url": reverse(name, args=[request.practice.slug]), "current": name == current}
        for label, name, permission in wanted
        if may(member, permission)
    ]
