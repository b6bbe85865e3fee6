"""What waits in the inbox, for whom, by when: questions over work items (daily.md section 11)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import BigIntegerField, Count, F, Func, Q, Sum, TextField, Value
from django.db.models.functions import Cast, Concat, JSONObject
from django.http import HttpRequest

from accounts.access import FRONT_DESK, MANAGER, OWNER, READ_ONLY, THERAPIST
from accounts.models import Membership
from nps import recovery
from nps.models import RecoveryCase
from patients import worklist
from patients.models import WorkItem
from patients.models.work import WorkItemQuerySet
from prm.ui import navigation, words

MINE, UNASSIGNED, RECOVERY, OPEN, DONE = "mine", "unassigned", "recovery", "open", "done"
VIEWS = ((MINE, "Mine"), (UNASSIGNED, "Unassigned"), (RECOVERY, "Recovery"), (OPEN, "All open"), (DONE, "Done"))
SHOWN = 100  # rows of a list; the counts count all
DONE_SHOWN_FOR = timedelta(days=30)
SOON = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Row:
    """One item as the list shows it: the person's own words where there are any."""

    item: WorkItem
    kind: worklist.Kind
    who: str
    score: int | None
    said: str
    line: str
    due: str
    due_tone: str


def visible_to(member: Membership) -> WorkItemQuerySet:
    """The items that a member may open: those of his clinics, and of recovery cases what nps.md sections 4 and 9 allow.

    Owner and manager see every case, therapist and front desk those given to them, read-only none.
    """
    items = getattr(member, "visible_items", None)  # one request asks several times, and it costs a statement
    if items is None:
        items = member.visible_items = _allowed(member)  # type: ignore[attr-defined]
    return items.all()


def _allowed(member: Membership) -> WorkItemQuerySet:
    items = worklist.visible_to(member)
    if member.role in {OWNER, MANAGER}:
        return items
    cases = Q(kind=recovery.KIND)
    if member.role in {THERAPIST, FRONT_DESK}:
        return items.filter(~cases | Q(owner=member))
    return items.exclude(cases)


def counts_of(request: HttpRequest) -> dict[str, Any]:
    """Open items by view, and `since`, the fingerprint that the poll compares; in one statement with the side bar's.

    “Done” is not counted: it only grows. The fingerprint changes whenever an item that the member sees is opened,
    given, closed or reopened.
    """
    member: Membership = request.membership  # type: ignore[attr-defined]
    version = Concat(Cast("pk", TextField()), Cast("version", TextField()))
    hashed = Func(version, Value(0), function="hashtextextended", output_field=BigIntegerField())
    views = JSONObject(
        **{
            MINE: Count("pk", filter=Q(owner=member)),
            UNASSIGNED: Count("pk", filter=Q(owner=None)),
            RECOVERY: Count("pk", filter=Q(kind=recovery.KIND)),
            OPEN: Count("pk"),
        },
        since=Cast(Sum(hashed), TextField()),
    )
    return navigation.figures(request, views=navigation.summary(visible_to(member).open(), views))["views"]


def waiting(request: HttpRequest) -> WorkItemQuerySet:
    """What the figure beside “Inbox” counts: what is mine or nobody's."""
    member: Membership = request.membership  # type: ignore[attr-defined]
    return visible_to(member).open().filter(Q(owner=member) | Q(owner=None))


def with_colleagues(request: HttpRequest) -> int:
    """How many open items the member may see that wait for somebody else."""
    return counts_of(request)[OPEN] - navigation.figures(request)["inbox"]


def items_of(member: Membership, view: str, *, now: datetime) -> list[WorkItem]:
    """The items of a view by due time (done ones: newest first), with patient, clinic, owner. KeyError for no view."""
    items = visible_to(member).select_related("patient", "clinic", "owner__user", "closed_by__user")
    narrow = {
        MINE: Q(owner=member), UNASSIGNED: Q(owner=None), RECOVERY: Q(kind=recovery.KIND), OPEN: Q(), DONE: Q(),
    }[view]  # fmt: skip
    if view == DONE:
        done = items.filter(state=WorkItem.State.DONE, closed_at__gt=now - DONE_SHOWN_FOR)
        return list(done.order_by("-closed_at", "id")[:SHOWN])
    return list(items.open().filter(narrow).order_by(F("due_at").asc(nulls_last=True), "id")[:SHOWN])


def cases_of(items: Iterable[WorkItem]) -> dict[UUID, RecoveryCase]:
    """The recovery cases that items are about, by id, with the answer, in one statement."""
    ids = [item.subject_id for item in items if item.kind == recovery.KIND]
    if not ids:
        return {}
    cases = RecoveryCase.objects.filter(pk__in=ids).select_related(
        "response__invitation", "response__therapist", "patient", "clinic"
    )
    return {case.pk: case for case in cases}


def rows(items: Iterable[WorkItem], cases: dict[UUID, RecoveryCase], *, now: datetime) -> list[Row]:
    """The items as the list shows them."""
    shown = []
    for item in items:
        case = cases.get(item.subject_id) if item.kind == recovery.KIND else None
        due, tone = due_words(item, now=now)
        shown.append(
            Row(
                item=item,
                kind=worklist.kind(item.kind),
                who=item.patient.full_name if item.patient else str(worklist.kind(item.kind).label),
                score=case.response.score if case else None,
                said=case.response.comment_text if case else "",
                line=str(worklist.kind(item.kind).label) if case is None else "No comment",
                due=due,
                due_tone=tone,
            )
        )
    return shown


def due_words(item: WorkItem, *, now: datetime) -> tuple[str, str]:
    """When an item is due, in the active zone, and the tone: “1 h overdue” bad, “by 11:00 am” soon, else the day."""
    if item.state == WorkItem.State.DONE:
        return (words.ago(item.closed_at) if item.closed_at else ""), ""
    if item.due_at is None:
        return "", ""
    if item.due_at <= now:
        return f"{words.duration(now - item.due_at)} overdue", "bad"
    if words.day(item.due_at) == words.day(now):
        return f"by {words.time_of_day(item.due_at)}", "warn" if item.due_at - now <= SOON else ""
    return f"by {words.day(item.due_at)}", ""


def may_work_on(member: Membership, item: WorkItem) -> bool:
    """Whether the member may act on an item that he sees."""
    return member.role != READ_ONLY
