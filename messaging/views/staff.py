"""The message log: what left, what did not, why; and one message as its reader got it."""

from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from accounts.access import staff_view
from messaging import history
from messaging.compose import liquid, rendering
from messaging.compose.dead_links import dead
from messaging.compose.rendering import Rendered
from messaging.models import OutboxMessage
from messaging.models.outbox import OutboxQuerySet
from messaging.outbox import words
from patients.models.people import search_form
from prm import clock
from prm.audit.record import record
from prm.ui.tables import BadCursor, keyset_page

State = OutboxMessage.State
ORDER = ("-created_at", "id")
FILTERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "": ("All", ()),
    "waiting": ("Waiting", (State.QUEUED, State.CLAIMED, State.STARTED)),
    "sent": ("Sent", (State.SENT,)),
    "not_sent": ("Not sent", (State.SUPPRESSED, State.FAILED, State.EXPIRED, State.CANCELLED)),
    "held": ("Held", (State.HELD,)),
    "unknown": ("Unknown", (State.UNKNOWN,)),
}
COUNTED = ("waiting", "held", "unknown")  # few rows each: the others would count the whole table
# What a mail may do in its frame: show itself. It has styles of its own and no script, form or link (ui.md §2).
MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; sandbox; frame-ancestors 'self'"
HIGHEST = "\U0010ffff"


@staff_view("outbox.view")
@require_safe
def outbox(request: HttpRequest) -> HttpResponse:
    """Newest first, by state and by patient, address or template."""
    chosen = request.GET.get("state", "")
    chosen = chosen if chosen in FILTERS else ""
    asked = request.GET.get("q", "").strip()[:200]
    rows = _found(request, asked)
    if states := FILTERS[chosen][1]:
        rows = rows.filter(state__in=states)
    try:
        page = keyset_page(rows, ORDER, after=request.GET.get("after", ""))
    except BadCursor:
        page = keyset_page(rows, ORDER)
    record(
        "messages.listed", now=clock.now(), request=request, count=len(page.rows), searched=bool(asked),
        patients=[row.patient_id for row in page.rows],
    )  # fmt: skip
    url = reverse("outbox", args=[request.practice.slug])  # type: ignore[attr-defined]
    context = {
        "page": page,
        "rows": [_shown(row) for row in page.rows],
        "tabs": [_tab(request, url, name, current=name == chosen) for name in FILTERS],
        "q": asked,
        "state": chosen,
        "filtered": bool(asked or chosen),
    }  # fmt: skip
    return render(request, "messaging/outbox.html", context)


def _shown(row: OutboxMessage) -> dict[str, Any]:
    return {"message": row, "label": words.label(row), "tone": words.tone(row), "outcome": words.outcome(row)}


def _tab(request: HttpRequest, url: str, name: str, *, current: bool) -> dict[str, Any]:
    label, states = FILTERS[name]
    waiting = _seen(request).filter(state__in=states).count() if name in COUNTED else None
    tone = "warn" if waiting and name in ("held", "unknown") else ""
    address = f"{url}?state={name}" if name else url
    return {"label": label, "url": address, "current": current, "count": waiting, "tone": tone}


def _seen(request: HttpRequest) -> OutboxQuerySet:
    return OutboxMessage.objects.visible_to(request.membership)  # type: ignore[attr-defined]


def _found(request: HttpRequest, asked: str) -> QuerySet[OutboxMessage]:
    rows = _seen(request).select_related("patient", "member__user", "template_version__template")
    if not asked:
        return rows
    if "@" in asked:
        return rows.filter(address=asked.lower())
    name = search_form(asked)
    by_name = Q(patient__search_name__gte=name, patient__search_name__lt=name + HIGHEST)
    return rows.filter(by_name | Q(template_version__template__name__iexact=asked))


@staff_view("outbox.view")
@require_safe
def outbox_message(request: HttpRequest, message_id: UUID) -> HttpResponse:
    """One message: what its reader gets, as mail or as text, and everything that happened to it in order."""
    message, body = _read(request, message_id)
    shown = "text" if request.GET.get("show") == "text" or (body and not body.html) else "mail"
    record("message.read", now=clock.now(), request=request, patient_id=message.patient_id, object_id=message.pk)
    context = {
        "message": message,
        "name": _title(message, body),
        "body": body,
        "shown": shown,
        "label": words.label(message),
        "tone": words.tone(message),
        "outcome": words.outcome(message),
        "days": history.by_day(history.steps(message)),
        "was_sent": bool(message.attempts),
        "tabs": [
            {"label": "Mail", "url": "?show=mail", "current": shown == "mail", "count": None},
            {"label": "Plain text", "url": "?show=text", "current": shown == "text", "count": None},
        ] if body and body.html else [],
    }  # fmt: skip
    return render(request, "messaging/message.html", context)


@staff_view("outbox.view")
@xframe_options_sameorigin
@require_safe
def message_html(request: HttpRequest, message_id: UUID) -> HttpResponse:
    """The mail itself, for the frame: its links are dead, since a link answers for the patient."""
    message, body = _read(request, message_id)
    if body is None or not body.html:
        raise Http404
    record("message.body_read", now=clock.now(), request=request, patient_id=message.patient_id, object_id=message.pk)
    response = HttpResponse(body.html)
    response["Content-Security-Policy"] = MAIL_POLICY
    response["Referrer-Policy"] = "no-referrer"
    return response


def _read(request: HttpRequest, message_id: UUID) -> tuple[OutboxMessage, Rendered | None]:
    """The message, and what it says with dead links: as sent, else as it would be sent. None: it has no text now."""
    rows = _seen(request).select_related("patient", "member__user", "template_version__template")
    message = get_object_or_404(rows, pk=message_id)
    try:
        body = rendering.as_sent(message) or rendering.preview(request.practice, message)  # type: ignore[attr-defined]
    except (liquid.MissingValue, liquid.BrokenWording):
        return message, None
    return message, dead(body) if body.text else None


def _title(message: OutboxMessage, body: Rendered | None) -> str:
    """The subject, else the template's name."""
    if body and body.subject:
        return body.subject
    return message.template_version.template.name if message.template_version else "Message"
