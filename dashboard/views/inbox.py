"""The staff inbox: list, detail and context on one page, which works without JavaScript."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.postgres.aggregates import JSONBAgg
from django.db.models import QuerySet
from django.db.models.functions import JSONObject
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from accounts.access import staff_view
from accounts.models import Membership
from accounts.once import once
from dashboard import inbox, person
from nps import recovery
from nps.forms import ContactAttemptForm, ResolutionForm
from nps.models import RecoveryCase
from patients import timeline, worklist
from patients.models import TimelineEntry, WorkItem
from prm import clock
from prm.audit.record import record
from prm.ui import navigation
from prm.ui.problems import Conflict
from prm.ui.toasts import toast

HISTORY = 40  # entries


@require_GET
@staff_view("inbox.view")
def index(request: HttpRequest) -> HttpResponse:
    """The list of a view; on a wide screen the browser then asks for its first item, to stand open beside it."""
    return _page(request, opened=None)


@require_GET
@staff_view("inbox.view")
def item(request: HttpRequest, item_id: UUID) -> HttpResponse:
    """The list with one item open; `?beside=1`: its panes alone. Reading a person's words is audited."""
    found = _item(request, item_id)
    return _panes(request, found) if request.htmx and "beside" in request.GET else _page(request, opened=found)


@require_POST
@staff_view("inbox.work")
def ownership(request: HttpRequest, item_id: UUID) -> HttpResponse:
    """Take the item: it becomes mine."""
    found = _item(request, item_id)
    now, me = clock.now(), request.membership
    try:
        if found.kind == recovery.KIND:
            recovery.take(_case(found), by=me, now=now)
        else:
            worklist.assign(found, me, now=now, by=me)
    except (recovery.AlreadyResolved, worklist.AlreadyClosed):
        raise Conflict(_who_closed(found)) from None
    record("work.taken", now=now, request=request, patient_id=found.patient_id, object_id=found.pk)
    toast(request, "It is yours now")
    return _after(request, found)


@require_POST
@staff_view("inbox.work")
@once
def contact(request: HttpRequest, item_id: UUID) -> HttpResponse:
    """Log one try to reach the patient of a recovery case."""
    found = _item(request, item_id)
    case, now = _case(found), clock.now()
    form = ContactAttemptForm(request.POST)
    if not form.is_valid():
        return _page(request, opened=found, contact_form=form, status=422)
    try:
        attempt = recovery.log_contact(case, by=request.membership, now=now, **form.cleaned_data)
    except recovery.AlreadyResolved:
        raise Conflict(_who_closed(found)) from None
    record(
        "recovery.contact_logged", now=now, request=request, patient_id=case.patient_id, object_id=case.pk,
        medium=attempt.medium, result=attempt.result,
    )  # fmt: skip
    toast(request, "Contact logged")
    return _after(request, found)


@require_POST
@staff_view("inbox.work")
def resolution(request: HttpRequest, item_id: UUID) -> HttpResponse:
    """Close a recovery case with cause and outcome."""
    found = _item(request, item_id)
    case, now = _case(found), clock.now()
    form = ResolutionForm(request.POST)
    if form.is_valid():
        try:
            recovery.resolve(case, by=request.membership, now=now, **form.cleaned_data)
        except recovery.NotTriedEnough as why:
            form.add_error("outcome", f"“Not reached” needs tries on 3 days: {why}.")
        except recovery.AlreadyResolved:
            raise Conflict(_who_closed(found)) from None
    if not form.is_valid():
        return _page(request, opened=found, resolution_form=form, status=422)
    record(
        "recovery.resolved", now=now, request=request, patient_id=case.patient_id, object_id=case.pk,
        cause=case.cause, outcome=case.outcome,
    )  # fmt: skip
    toast(request, "Case resolved", undo=_url(request, "inbox_resolution_undo", found))
    return _next(request, found)


@require_POST
@staff_view("inbox.work")
def resolution_undo(request: HttpRequest, item_id: UUID) -> HttpResponse:
    """Take a resolution back, just after it."""
    found = _item(request, item_id)
    case, now = _case(found), clock.now()
    try:
        recovery.undo_resolution(case, by=request.membership, now=now)
    except recovery.TooLateToUndo:
        raise Conflict("It was closed a while ago. Open it from Done and start again.") from None
    record("recovery.resolution_undone", now=now, request=request, patient_id=case.patient_id, object_id=case.pk)
    toast(request, "The case is open again")
    return redirect(_url(request, "inbox_item", found))


@require_POST
@staff_view("inbox.work")
def closure(request: HttpRequest, item_id: UUID) -> HttpResponse:
    """Close an item of a kind that needs nothing more than an outcome."""
    found = _item(request, item_id)
    if found.kind == recovery.KIND:
        raise Http404
    now = clock.now()
    try:
        worklist.close_item(found, now=now, by=request.membership, outcome=request.POST.get("outcome", ""))
    except worklist.AlreadyClosed:
        raise Conflict(_who_closed(found)) from None
    except worklist.UnknownOutcome:
        return _page(request, opened=found, outcome_problem="Choose how it ended", status=422)
    record("work.closed", now=now, request=request, patient_id=found.patient_id, object_id=found.pk, kind=found.kind)
    toast(request, "Done", undo=_url(request, "inbox_closure_undo", found))
    return _next(request, found)


@require_POST
@staff_view("inbox.work")
def closure_undo(request: HttpRequest, item_id: UUID) -> HttpResponse:
    """Open an item again that was just closed."""
    found = _item(request, item_id)
    if found.kind == recovery.KIND:
        raise Http404
    now = clock.now()
    worklist.undo_close(found, now=now, by=request.membership)
    record("work.reopened", now=now, request=request, patient_id=found.patient_id, object_id=found.pk, kind=found.kind)
    return redirect(_url(request, "inbox_item", found))


@require_GET
@staff_view("inbox.view")
def listing(request: HttpRequest) -> HttpResponse:
    """The list alone: what the page fetches when the poll says that something changed."""
    context = _list(request, opened=None, current=request.GET.get("item", ""))
    if context["rows"]:
        record(
            "work.listed", now=clock.now(), request=request, count=len(context["rows"]), patients=_named(context),
            poll=True,
        )  # fmt: skip
    return render(request, "dashboard/inbox.html#list", context)


def _named(context: dict[str, Any]) -> list[UUID | None]:
    """Whom the list names."""
    return [row.item.patient_id for row in context["rows"]]


def _page(
    request: HttpRequest, *, opened: WorkItem | None, status: int = 200, focus_next: bool = False, **forms: Any
) -> HttpResponse:
    """The whole inbox: the list, and an item where one is opened. `focus_next`: the focus goes to the list's first."""
    case = inbox.case_of(opened) if opened else None
    context = _list(request, opened=opened, case=case)
    if opened is not None:
        context |= _detail(request, opened, case, **forms)
        record(
            "work.read", now=clock.now(), request=request, patient_id=opened.patient_id, object_id=opened.pk,
            patients=_named(context),
        )  # fmt: skip
    elif context["rows"]:
        record(
            "work.listed", now=clock.now(), request=request, count=len(context["rows"]), patients=_named(context),
        )  # fmt: skip
    template = "dashboard/inbox.html" + ("#split" if request.htmx else "")
    return render(request, template, context | {"opened": opened, "focus_next": focus_next}, status=status)


def _panes(request: HttpRequest, found: WorkItem) -> HttpResponse:
    """The item and its person without the list: what stands beside the list before anything is chosen."""
    case = inbox.case_of(found)
    navigation.figures(request, **_asked_of(request, found, case))
    context = {"view": _view(request, found)} | _detail(request, found, case)
    record("work.read", now=clock.now(), request=request, patient_id=found.patient_id, object_id=found.pk)
    return render(request, "dashboard/inbox.html#panes", context)


def _list(
    request: HttpRequest, *, opened: WorkItem | None, case: RecoveryCase | None = None, current: str = ""
) -> dict[str, Any]:
    now = clock.now()
    view = _view(request, opened)
    items = inbox.items_of(request.membership, view, now=now)
    counted = inbox.counts_of(request, **_asked_of(request, opened, case))
    shown = opened or (items[0] if items else None)
    return {
        "view": view,
        "views": [(name, label, counted.get(name)) for name, label in inbox.VIEWS],
        "rows": inbox.rows(items, now=now),
        "current": current or (str(shown.pk) if shown else ""),
        "since": counted["since"],
    }


def _asked_of(request: HttpRequest, shown: WorkItem | None, case: RecoveryCase | None) -> dict[str, QuerySet[Any]]:
    """What of an item and its person is asked together with the side bar's figures."""
    asked: dict[str, QuerySet[Any]] = {}
    if shown is not None and shown.patient is not None:
        asked |= person.figures_of(shown.patient, inbox.visible_to(request.membership))
    if case is not None:
        asked["history"] = _around(case)
    return asked


def _detail(request: HttpRequest, shown: WorkItem, case: RecoveryCase | None, **forms: Any) -> dict[str, Any]:
    """All about one item; the figures of `_asked_of` are there already."""
    now = clock.now()
    asked = navigation.figures(request)
    return {
        "item": shown,
        "kind": worklist.kind(shown.kind),
        "case": case,
        "due": inbox.due_words(shown, now=now),
        "person": person.glance(shown.patient, asked, now=now, but=shown) if shown.patient else None,
        "history": _history(asked["history"] or ()) if case else _lines(shown),
        "attempts": recovery.attempts_of(case) if case else [],
        "contact_form": ContactAttemptForm(),
        "resolution_form": ResolutionForm(),
        "may_work": inbox.may_work_on(request.membership, shown),
        "mine": shown.owner_id == request.membership.pk,
        **forms,
    }


def _around(case: RecoveryCase) -> QuerySet[Any]:
    """Everything about the answer of a case and its asking, newest first, as one value for `navigation.figures`."""
    asked = case.response.invitation
    newest = TimelineEntry.objects.filter(
        patient=case.patient_id,
        kind__in=[kind.name for kind in timeline.kinds() if kind.group == "feedback"],
        at__gte=asked.asked_at if asked else case.opened_at,
    ).order_by("-at", "-id")[:HISTORY]
    entries = TimelineEntry.objects.filter(patient=case.patient_id, pk__in=newest.values("pk"))
    entry = JSONObject(kind="kind", at="at", facts="facts")
    return navigation.summary(entries, JSONBAgg(entry, order_by=("-at", "-id")))


def _history(entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The entries of `_around` as the page shows them."""
    return [
        {
            "icon": kind.icon,
            "tone": kind.tone,
            "sentence": kind.sentence(entry["facts"]),
            "at": datetime.fromisoformat(entry["at"]),
        }
        for entry in entries
        for kind in [timeline.kind(entry["kind"])]
    ]


def _lines(shown: WorkItem) -> list[dict[str, Any]]:
    """What happened to an item of another kind, newest first."""
    return [
        {
            "icon": "circle-dot",
            "tone": "",
            "sentence": f"{line.what.capitalize()}{f' by {line.by.user.short_name}' if line.by else ''}",
            "at": line.at,
        }
        for line in shown.lines.select_related("by__user").order_by("-at", "-id")[:HISTORY]
    ]


def _item(request: HttpRequest, item_id: UUID) -> WorkItem:
    """The item, where the member may see it; 404 otherwise, whatever the reason."""
    items = inbox.visible_to(request.membership).select_related("patient", "clinic", "owner__user", "closed_by__user")
    return get_object_or_404(items, pk=item_id)


def _case(found: WorkItem) -> RecoveryCase:
    if found.kind != recovery.KIND:
        raise Http404
    return get_object_or_404(RecoveryCase.objects.select_related("patient", "clinic"), pk=found.subject_id)


def _who_closed(found: WorkItem) -> str:
    found.refresh_from_db()
    by: Membership | None = found.closed_by
    return f"{by.user.short_name if by else 'Somebody'} closed it first. Nothing of yours was saved."


def _view(request: HttpRequest, opened: WorkItem | None) -> str:
    asked = request.POST.get("view") or request.GET.get("view") or ""
    if asked in dict(inbox.VIEWS):
        return asked
    if opened is None or opened.owner_id == request.membership.pk:
        return inbox.MINE
    return inbox.DONE if opened.state == WorkItem.State.DONE else inbox.OPEN


def _url(request: HttpRequest, name: str, found: WorkItem) -> str:
    return reverse(name, args=[request.practice.slug, found.pk])


def _after(request: HttpRequest, found: WorkItem) -> HttpResponse:
    """The item again, as it is now."""
    if request.htmx:
        return _page(request, opened=_item(request, found.pk))
    view = _view(request, found)
    return redirect(f"{_url(request, 'inbox_item', found)}?view={view}")


def _next(request: HttpRequest, found: WorkItem) -> HttpResponse:
    """On to what waits next in the view."""
    view = _view(request, found)
    address = f"{reverse('inbox', args=[request.practice.slug])}?view={view}"
    if request.htmx:
        response = _page(request, opened=None, focus_next=True)
        response["HX-Push-Url"] = address
        return response
    return redirect(address)
