"""What waits in the inbox, for whom, by when: questions over work items (daily.md section 11)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import BigIntegerField, Count, F, Func, OuterRef, Q, QuerySet, Subquery, Sum, TextField, Value
from django.db.models.functions import Cast, Concat, JSONObject
from django.http import HttpRequest

from accounts.access import FRONT_DESK, MANAGER, OWNER, READ_ONLY, THERAPIST
from accounts.models import Membership
from nps import recovery
from nps.models import RecoveryCase, Response
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


def counts_of(request: HttpRequest, **further: QuerySet[Any]) -> dict[str, Any]:
    """Open items by view, and `since`, the fingerprint that the poll compares; in one statement with the side bar's.

    “Done” is not counted: it only grows. The fingerprint changes whenever an item that the member sees is opened,
    given, closed or reopened. `further` is asked along; the answers are in `navigation.figures(request)`.
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
    counted = navigation.summary(visible_to(member).open(), views)
    return navigation.figures(request, views=counted, **further)["views"]


def waiting(request: HttpRequest) -> WorkItemQuerySet:
    """What the figure beside “Inbox” counts: what is mine or nobody's."""
    member: Membership = request.membership  # type: ignore[attr-defined]
    return visible_to(member).open().filter(Q(owner=member) | Q(owner=None))


def with_colleagues(request: HttpRequest) -> int:
    """How many open items the member may see that wait for somebody else."""
    return counts_of(request)[OPEN] - navigation.figures(request)["inbox"]


def items_of(member: Membership, view: str, *, now: datetime) -> list[WorkItem]:
    """The items of a view by due time (done ones: newest first), with patient and answer. KeyError for no view."""
    items = visible_to(member)
    narrow = {
        MINE: Q(owner=member), UNASSIGNED: Q(owner=None), RECOVERY: Q(kind=recovery.KIND), OPEN: Q(), DONE: Q(),
    }[view]  # fmt: skip
    if view == DONE:
        done = items.filter(state=WorkItem.State.DONE, closed_at__gt=now - DONE_SHOWN_FOR)
        return list(ready_to_list(done).order_by("-closed_at", "id")[:SHOWN])
    waiting = ready_to_list(items.open().filter(narrow))
    return list(waiting.order_by(F("due_at").asc(nulls_last=True), "id")[:SHOWN])


def ready_to_list(items: WorkItemQuerySet) -> QuerySet[Any]:
    """The items with patients and with the answers that recovery cases are about, in one statement, for `rows`."""
    case = RecoveryCase.objects.filter(pk=OuterRef("subject_id"))
    return items.select_related("patient").annotate(
        answer_id=Subquery(case.values("response")),
        answer_score=Subquery(case.values("response__score")),
        answer_comment=Subquery(case.values("response__comment")),
    )


def case_of(item: WorkItem) -> RecoveryCase | None:
    """The recovery case that an item is about, with answer, patient and clinic; None for other kinds."""
    if item.kind != recovery.KIND:
        return None
    related = ("response__invitation", "response__therapist", "patient", "clinic")
    return RecoveryCase.objects.select_related(*related).filter(pk=item.subject_id).first()


def rows(items: Iterable[Any], *, now: datetime) -> list[Row]:
    """The items of `ready_to_list` as the list shows them."""
    shown = []
    for item in items:
        kind, answered = worklist.kind(item.kind), item.answer_id is not None
        due, tone = due_words(item, now=now)
        shown.append(
            Row(
                item=item,
                kind=kind,
                who=item.patient.full_name if item.patient else str(kind.label),
                score=item.answer_score,
                said=_said(item) if answered else "",
                line="No comment" if answered else str(kind.label),
                due=due,
                due_tone=tone,
            )
        )
    return shown


def _said(item: Any) -> str:
    """The patient's words of an item with an answer, decrypted."""
    return Response(pk=item.answer_id, practice_id=item.practice_id, comment=item.answer_comment).comment_text


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
