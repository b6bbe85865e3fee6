"""The staff home."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.access import may, staff_view
from dashboard import inbox
from dashboard import today as day
from nps.score import FEWEST
from prm import clock
from prm.audit.record import record


@require_GET
@staff_view("today.view")
def home(request: HttpRequest) -> HttpResponse:
    """What needs me today. It shows patients by name: the reading is audited."""
    now = clock.now()
    shown = day.today(request, now=now)
    record(
        "today.read", now=now, request=request, count=len(shown.needs) + len(shown.slipping) + len(shown.visits),
        patients=[
            *(row.item.patient_id for row in shown.needs),
            *(row.patient_id for row in (*shown.slipping, *shown.visits)),
        ],
    )  # fmt: skip
    return render(
        request,
        "dashboard/today.html",
        {
            "today": shown,
            "elsewhere": inbox.with_colleagues(request),
            "date": timezone.localtime(now).date(),
            "fewest": FEWEST,
            "sees_answers": may(request.membership, "nps.answers"),
        },
    )
