"""Settings, the practice's data: a copy of all of it, and the end of the practice."""

from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts import disclosing
from accounts.access import staff_view
from accounts.models import Membership
from accounts.once import once
from accounts.recheck import recently_checked
from prm import clock
from prm.audit.record import record
from prm.tenancy import archive_tasks, closing, exports
from prm.tenancy.file_response import file_response
from prm.tenancy.models import PracticeClosure, PracticeExport
from prm.ui.toasts import toast

PRACTICE = (
    "id", "slug", "public_id", "name", "time_zone", "languages", "phone", "postal_address", "brand_colour",
    "review_mode", "created_at",
)  # fmt: skip
SHOWN = 10


@staff_view("practice.own", while_suspended=True)
@recently_checked
@require_http_methods(["GET", "HEAD", "POST"])
@once
def data_export(request: HttpRequest) -> HttpResponse:
    """The exports of the last days; a POST asks for a new one."""
    if request.method == "POST":
        made = exports.begin(by=request.user.pk, now=clock.now())  # type: ignore[union-attr, arg-type]
        record("practice.export_begun", now=clock.now(), request=request, object_id=made.pk)
        archive_tasks.nudge()
        toast(request, "The export is being made")
        return redirect("data_export", request.practice.slug)  # type: ignore[attr-defined]
    rows = PracticeExport.objects.order_by("-asked_at")[:SHOWN]
    names = dict(Membership.objects.values_list("user_id", "user__name"))
    shown = [
        {"export": row, "by": names.get(row.asked_by, "Somebody who left"), "job": _job(request, row)} for row in rows
    ]
    running = next((one for one in shown if one["export"].finished_at is None), None)
    if request.htmx and running:  # type: ignore[attr-defined]
        return render(request, "parts/job.html", {"job": running["job"]})
    if request.htmx:  # type: ignore[attr-defined]
        response = HttpResponse(status=204)
        response["HX-Refresh"] = "true"
        return response
    context = {"rows": shown, "running": running, "now": clock.now(), "days": exports.KEPT_FOR.days}
    return render(request, "accounts/data_export.html", context)


@staff_view("practice.own")
@recently_checked
@require_safe
def data_export_file(request: HttpRequest, export_id: UUID) -> HttpResponseBase:
    """The ZIP of a finished export, for seven days. Fetching it is recorded."""
    made = get_object_or_404(
        PracticeExport.objects.filter(finished_at__isnull=False, removed_at=None, expires_at__gt=clock.now()),
        pk=export_id,
    )
    practice = request.practice  # type: ignore[attr-defined]
    about = {name: getattr(practice, name) for name in PRACTICE}
    people: list[dict[str, Any]] = list(
        Membership.objects.order_by("user__name").values("user_id", "user__name", "user__email", "user__language")
    )
    now = clock.now()
    record("practice.export_fetched", now=now, request=request, object_id=made.pk, rows=made.rows)
    disclosing.archive_fetched(request.user, now=now)  # type: ignore[arg-type]
    name = f"{practice.slug}-{made.asked_at:%Y-%m-%d}.zip"
    return file_response(exports.archive(made, about, people), name=name, media_type="application/zip")


class ClosingForm(forms.Form):
    """The name, typed, so that nobody closes a practice by a slip."""

    without_export = forms.BooleanField(
        label="Close it without a copy of our data",
        error_messages={"required": "Make an export of all data first, or tick that you need none."},
    )
    name = forms.CharField(label="The practice’s name", max_length=120)

    def __init__(self, expected: str, *args: Any, has_export: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        self.expected = expected
        self.fields["name"].help_text = f"Type “{expected}”"
        if has_export:
            del self.fields["without_export"]

    def clean_name(self) -> str:
        """Exactly the name."""
        name = self.cleaned_data["name"].strip()
        if name != self.expected:
            raise forms.ValidationError(f"This is “{name}”. Type the name as it stands above.")
        return name


@staff_view("practice.own")
@recently_checked
@require_http_methods(["GET", "HEAD", "POST"])
def data_closing(request: HttpRequest) -> HttpResponse:
    """What closing means and how it is taken back; a POST with the name closes the practice.

    Without an export that can still be fetched the owner says that he needs none; he can make one until the erasing.
    """
    practice = request.practice  # type: ignore[attr-defined]
    made = exports.latest(now=clock.now())
    form = ClosingForm(practice.name, request.POST if request.method == "POST" else None, has_export=made is not None)
    running = PracticeClosure.objects.filter(closed_practice=practice.pk, cancelled_at=None).first()
    if request.method == "POST" and running is None and form.is_valid():
        now, user = clock.now(), request.user
        record("practice.closed", now=now, request=request, object_id=practice.pk)
        closing.ask(practice, by=f"{user.name} ({user.email})", now=now)  # type: ignore[union-attr]
        return redirect(reverse("data_closing", args=[practice.slug]))
    context = {"form": form, "running": running, "days": closing.WAIT.days, "made": made}
    return render(request, "accounts/data_closing.html", context, status=422 if form.errors else 200)


def _job(request: HttpRequest, made: PracticeExport) -> dict[str, Any]:
    """As parts/job.html wants it."""
    url = reverse("data_export", args=[request.practice.slug])  # type: ignore[attr-defined]
    return {
        "id": str(made.pk), "url": url, "label": "Export", "done": made.rows, "total": max(made.total, made.rows),
        "problems": 0, "ended": made.finished_at is not None,
    }  # fmt: skip
