"""Whom a rule would reach: the evaluator's own statement with another window (campaigns.md §1)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from accounts import scope as sight
from accounts.scope import WHOLE
from campaigns import evaluate
from campaigns.due import Window
from campaigns.models import Rule
from patients import scope
from patients.models import Patient

SOON = timedelta(days=7)
BACKTEST = timedelta(days=90)
BACKLOGS = (0, 7, 30, 90)  # days offered when a rule is turned on
NAMES = 10
WIDER = 10  # times as many are looked at for a viewer who sees only some of them


@dataclass(frozen=True, slots=True)
class Due:
    """One patient that a rule reaches and when."""

    patient: Patient
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Preview:
    """What the page shows beside a rule: the next 7 days (`soon` patients, the first of them in `people`), the last
    90.
    """

    soon: int
    people: list[Due]
    last_90_days: int
    names_all: bool = True  # False: people of other clinics are counted, not named
    backlogs: Sequence[tuple[int, int]] = ()  # (days, patients): whom turning on now would reach at once with each


def preview(
    document: dict[str, Any], *, now: datetime, rule_id: UUID | None, viewer: scope.Viewer = WHOLE,
    turning_on: UUID | None = None,
) -> Preview:  # fmt: skip
    """Reached from `now` on with the facts of now, and what it would have reached. `rule_id`: its decisions count as
    made. The numbers are the rule's, in every clinic; named are patients whom the viewer may see.

    `turning_on`: the rule whose draft the document is, for the backlogs that may be chosen when it is turned on.
    """
    coming = Window(at=now + SOON, floor=now, since=now)
    whole = sight.of(viewer).is_whole
    first = evaluate.would_decide(document, coming, rule_id=rule_id, limit=NAMES * 3 * (1 if whole else WIDER))
    fired = [row for row in first if row.outcome == "fired"]
    patients = Patient.objects.visible_to(viewer).in_bulk({row.patient_id for row in fired})
    past = Window(at=now, floor=now - BACKTEST, since=now - BACKTEST)
    backlogs = [(turn_on_window(document, now, days), turning_on) for days in BACKLOGS] if turning_on else []
    soon, last_90_days, *behind = reached(document, [(coming, rule_id), (past, None), *backlogs])
    people = [Due(patients[row.patient_id], row.due_at) for row in fired if row.patient_id in patients]
    return Preview(
        soon=soon, people=people[:NAMES], last_90_days=last_90_days, names_all=whole,
        backlogs=list(zip(BACKLOGS, behind, strict=True)) if behind else (),
    )  # fmt: skip


def turn_on_window(document: dict[str, Any], now: datetime, backlog_days: int) -> Window:
    """What the tick at turning on looks at."""
    backlog = timedelta(days=backlog_days)
    return Window(at=now, floor=now - backlog, since=now - max(evaluate.max_late(document), backlog))


def next_due(rules: Iterable[Rule], *, now: datetime) -> dict[UUID, datetime]:
    """When each active rule next reaches somebody within 7 days, with the facts of now; left out where nobody is due.

    One statement, however many rules there are.
    """
    active = [rule for rule in rules if rule.state == Rule.State.ACTIVE]
    window = Window(at=now + SOON, floor=now, since=now)
    first = evaluate.first_of_each([(rule.version.document, window, rule.pk) for rule in active])
    return {rule.pk: row.due_at for rule, row in zip(active, first, strict=True) if row is not None}


def reached(document: dict[str, Any], windows: Sequence[tuple[Window, UUID | None]]) -> list[int]:
    """How many patients would fire in each window, the decisions of its rule counting as made."""
    return [counted.get("fired", (0, 0))[1] for counted in evaluate.count_would_decide(document, windows)]
