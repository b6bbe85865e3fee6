"""The console of the platform's operators."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from accounts.access import platform_view
from accounts.models import Practice
from dashboard import platform_console as console
from prm import clock, csv_cells, health
from prm.tenancy import platform
from prm.ui.toasts import toast

TABS = (("console", "Practices"), ("console_service", "Service"), ("console_usage", "Usage"))


class SuspensionForm(forms.Form):
    """Why a practice is stopped; its staff read this."""

    reason = forms.CharField(label="Reason", max_length=120, help_text="The practice's staff read it on every page.")


@require_GET
@platform_view
def practices(request: HttpRequest) -> HttpResponse:
    """Every practice with its counts and what needs a look."""
    lines = console.practices(clock.now())
    context = {"lines": lines, "worried": sum(bool(line.worries) for line in lines)}
    return render(request, "dashboard/platform.html", _tabs("console") | context)


@require_GET
@platform_view
def service(request: HttpRequest) -> HttpResponse:
    """Is it ready, what waits: the checks of /readyz, outbox and staff mail, the broker's queues, the feeds, of all."""
    now, oldest = clock.now(), platform.oldest_due_message()
    context = {
        "checks": health.checks(),
        "outbox": platform.outbox_by_state(),
        "staff_mail": platform.staff_mail_by_state(),
        "oldest": oldest if oldest and oldest <= now else None,
        "queues": console.queue_lengths(),
        "feeds": platform.feed_overview(),
    }
    return render(request, "dashboard/platform_service.html", _tabs("console_service") | context)


@require_GET
@platform_view
def usage(request: HttpRequest) -> HttpResponse:
    """What each practice sent in a month (UTC); `?as=csv` as a file."""
    months = console.months(clock.now())
    start = _month(request.GET.get("month", ""), months)
    rows = platform.usage(start, console.end_of_month(start))
    if request.GET.get("as") == "csv":
        return _csv(start, rows)
    context = {"rows": rows, "months": months, "month": start}
    return render(request, "dashboard/platform_usage.html", _tabs("console_usage") | context)


@require_GET
@platform_view
def practice(request: HttpRequest, platform_practice: UUID) -> HttpResponse:
    """One practice: its counts, and suspending or resuming it."""
    found = get_object_or_404(Practice, pk=platform_practice)
    line = next((one for one in console.practices(clock.now()) if one.facts["id"] == found.pk), None)
    if line is None:
        raise Http404
    context = {"one": found, "line": line, "form": SuspensionForm()}
    return render(request, "dashboard/platform_practice.html", _tabs("console") | context)


@require_POST
@platform_view
def suspension(request: HttpRequest, platform_practice: UUID) -> HttpResponse:
    """Stop the practice, with the reason that its staff will read."""
    found, form = get_object_or_404(Practice, pk=platform_practice), SuspensionForm(request.POST)
    if not form.is_valid():
        line = next(one for one in console.practices(clock.now()) if one.facts["id"] == found.pk)
        context = {"one": found, "line": line, "form": form}
        return render(request, "dashboard/platform_practice.html", _tabs("console") | context, status=422)
    if console.suspend(found.pk, reason=form.cleaned_data["reason"], now=clock.now(), request=request):
        toast(request, f"{found.name} is suspended", undo=reverse("console_resumption", args=[found.pk]))
    return redirect("console_practice", found.pk)


@require_POST
@platform_view
def resumption(request: HttpRequest, platform_practice: UUID) -> HttpResponse:
    """Let the practice run again."""
    found = get_object_or_404(Practice, pk=platform_practice)
    if console.resume(found.pk, now=clock.now(), request=request):
        toast(request, f"{found.name} runs again")
    return redirect("console_practice", found.pk)


def _tabs(current: str) -> dict[str, Any]:
    return {"tabs": [{"label": label, "url": reverse(name), "current": name == current} for name, label in TABS]}


def _month(text: str, months: list[datetime]) -> datetime:
    """The month of `YYYY-MM` where we offer it, else this one."""
    return next((month for month in months if f"{month:%Y-%m}" == text), months[0])


def _csv(start: datetime, rows: list[dict[str, Any]]) -> HttpResponse:
    text = csv_cells.document(
        ["practice", "slug", "month", "channel", "messages", "failed", "calls"],
        (
            [row["name"], row["slug"], f"{start:%Y-%m}", row["channel"], row["messages"], row["failed"], row["calls"]]
            for row in rows
        ),
        mark=False,
    )
    response = HttpResponse(text, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="usage-{start.astimezone(UTC):%Y-%m}.csv"'
    return response
