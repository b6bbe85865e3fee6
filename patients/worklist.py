"""Work items: `open_item` and `close_item` are their only writers (daily.md §11)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, models, transaction
from django.db.models import F
from django.utils.functional import Promise

from accounts import absence
from accounts.models import Clinic, Membership
from patients import scope
from patients.models import Patient, WorkItem, WorkItemLine
from patients.models.work import WorkItemQuerySet

REOPENS_WITHIN = timedelta(days=7)


@dataclass(frozen=True)
class Kind:
    """One kind of work item: its name for staff, lucide icon, tone, and the outcomes it closes with (empty: none)."""

    name: str
    label: str | Promise
    icon: str
    tone: str
    outcomes: Sequence[tuple[str, str | Promise]]


class AlreadyClosed(Exception):
    """Somebody else closed the item first; his outcome stands."""


class UnknownOutcome(ValueError):
    """An outcome that this kind does not have, or none where it needs one."""


_kinds: dict[str, Kind] = {}


def register(
    name: str, *, label: str | Promise, icon: str, tone: str = "", outcomes: Sequence[tuple[str, str | Promise]] = ()
) -> None:
    """Add a kind, from an AppConfig.ready(). ValueError where the name is taken."""
    if name in _kinds:
        raise ValueError(f"work item kind {name!r} is registered twice")
    _kinds[name] = Kind(name, label, icon, tone, tuple(outcomes))


def kind(name: str) -> Kind:
    """The registered kind. KeyError for a name that nobody registered."""
    return _kinds[name]


def open_item(
    name: str,
    subject: models.Model,
    *,
    now: datetime,
    due_at: datetime | None,
    patient: Patient | None = None,
    clinic: Clinic | None = None,
    owner: Membership | None = None,
    line: str = "",
) -> WorkItem:
    """Open an item about `subject`, or add a line to the open one; within 7 days of its closing it is reopened.

    One open item per kind and subject: racing openers get the same. Where `owner` is away, his cover gets it; who has
    left or may not work on it leaves it to the clinic's queue. Runs in the caller's transaction.
    """
    kind(name)
    current = _open_item(name, subject.pk) or _reopen(name, subject.pk, now=now, due_at=due_at)
    if current is None:
        try:
            with transaction.atomic():
                current = WorkItem.objects.create(
                    kind=name,
                    subject_id=subject.pk,
                    patient=patient,
                    clinic=clinic,
                    owner=absence.cover_for(owner, now, clinic=clinic),
                    due_at=due_at,
                    opened_at=now,
                )
        except IntegrityError:
            current = WorkItem.objects.get(kind=name, subject_id=subject.pk, state=WorkItem.State.OPEN)
        else:
            return _with_line(current, "opened", now=now, detail=line)
    return _with_line(current, "repeated", now=now, detail=line)


def close_item(item: WorkItem, *, now: datetime, by: Membership | None, outcome: str = "") -> None:
    """Close an open item with an outcome of its kind; `by` None where its cause ended.

    AlreadyClosed where a colleague was first; UnknownOutcome where the kind has outcomes and this is none of them.
    """
    outcomes = {code for code, _label in kind(item.kind).outcomes}
    if outcomes and by is not None and outcome not in outcomes:
        raise UnknownOutcome(f"{outcome!r}: expected one of {sorted(outcomes)}")
    closed = WorkItem.objects.filter(pk=item.pk, state=WorkItem.State.OPEN).update(
        state=WorkItem.State.DONE, closed_at=now, closed_by=by, outcome=outcome, version=F("version") + 1
    )
    if not closed:
        raise AlreadyClosed(str(item.pk))
    item.refresh_from_db()
    _with_line(item, "closed", now=now, by=by, detail=outcome)


def assign(item: WorkItem, owner: Membership | None, *, now: datetime, by: Membership) -> None:
    """Give an open item to a member, or back to the clinic's queue (None). AlreadyClosed where it is done."""
    _give(item, owner, now=now, by=by)


def _give(item: WorkItem, owner: Membership | None, *, now: datetime, by: Membership | None) -> None:
    changed = WorkItem.objects.filter(pk=item.pk, state=WorkItem.State.OPEN).update(
        owner=owner, version=F("version") + 1
    )
    if not changed:
        raise AlreadyClosed(str(item.pk))
    item.refresh_from_db()
    _with_line(
        item, "assigned" if owner else "unassigned", now=now, by=by, detail=owner.user.short_name if owner else ""
    )


def hand_over(member: Membership, to: Membership | None, now: datetime) -> int:
    """Give the open items of `member` to whom they go now: his cover, `to`'s where it is given, or the queue.

    Returns how many moved. Safe to run again; an item that he may keep stays.
    """
    items = WorkItem.objects.open().filter(owner=member).select_related("clinic").select_for_update(of=("self",))
    owners: dict[UUID | None, Membership | None] = {}
    moved = 0
    for item in items:
        if item.clinic_id not in owners:
            owners[item.clinic_id] = absence.cover_for(to or member, now, clinic=item.clinic)
        if owners[item.clinic_id] != member:
            _give(item, owners[item.clinic_id], now=now, by=None)
            moved += 1
    return moved


def undo_close(item: WorkItem, *, now: datetime, by: Membership) -> None:
    """Open an item again that was just closed by hand."""
    WorkItem.objects.filter(pk=item.pk, state=WorkItem.State.DONE).update(
        state=WorkItem.State.OPEN, closed_at=None, closed_by=None, outcome="", version=F("version") + 1
    )
    item.refresh_from_db()
    _with_line(item, "reopened", now=now, by=by)


def find(name: str, subject_id: UUID) -> WorkItem | None:
    """The newest item about a subject, open or done."""
    return WorkItem.objects.filter(kind=name, subject_id=subject_id).order_by("-opened_at").first()


def _open_item(name: str, subject_id: UUID) -> WorkItem | None:
    return WorkItem.objects.filter(kind=name, subject_id=subject_id, state=WorkItem.State.OPEN).first()


def _reopen(name: str, subject_id: UUID, *, now: datetime, due_at: datetime | None) -> WorkItem | None:
    recent = WorkItem.objects.filter(kind=name, subject_id=subject_id, closed_at__gt=now - REOPENS_WITHIN).first()
    if recent is None:
        return None
    WorkItem.objects.filter(pk=recent.pk).update(
        state=WorkItem.State.OPEN,
        closed_at=None,
        closed_by=None,
        outcome="",
        due_at=due_at,
        version=F("version") + 1,
        owner=absence.cover_for(recent.owner, now, clinic=recent.clinic),
    )
    recent.refresh_from_db()
    return _with_line(recent, "reopened", now=now)


def _with_line(item: WorkItem, what: str, *, now: datetime, by: Membership | None = None, detail: str = "") -> WorkItem:
    WorkItemLine.objects.create(item=item, at=now, what=what, by=by, detail=detail[:120])
    return item


def visible_to(viewer: scope.Viewer) -> WorkItemQuerySet:
    """Open and done items that a member may see (patients/scope.py): those given to him are among them."""
    return WorkItem.objects.filter(scope.sees_row(viewer))
