"""What the pages of rules show, in a number of statements that does not grow with decisions."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, F, OuterRef, QuerySet, Subquery, Value

from campaigns.models import Firing, Journey, Rule, StepResult
from messaging.models import OutboxMessage
from patients import scope

MONTH = timedelta(days=30)
DUE = "due"  # in place of a step's verdict
SHOWN_OF_JOURNEY = ("id", "planned_at", "ended_at", "end_reason")
NOT_SENT = ("suppressed", "held", "failed", "expired", "cancelled")


@dataclass(slots=True)
class Figures:
    """A rule's last 30 days: occurrences decided, messages that went out, steps and messages that were held back."""

    due: int = 0
    sent: int = 0
    held: int = 0


def rules() -> tuple[list[Rule], list[Rule]]:
    """All rules but the archived, those that run first; and the archived ones; by name."""
    order = ["active", "paused", "draft", "archived"]
    found = Rule.objects.select_related("version")
    ordered = sorted(found, key=lambda rule: (order.index(rule.state), rule.name.casefold()))
    ended = [rule for rule in ordered if rule.state == Rule.State.ARCHIVED]
    return ordered[: len(ordered) - len(ended)], ended


def figures(chosen: Iterable[Rule], *, now: datetime) -> dict[UUID, Figures]:
    """The last 30 days before `now` of each rule, from decisions, step results and the outbox's states."""
    found = {rule.pk: Figures() for rule in chosen}
    decided = Firing.objects.filter(rule__in=found, decided_at__gt=now - MONTH)
    due = decided.annotate(what=Value(DUE), state=Value("")).values("rule", "what", "state").annotate(n=Count("pk"))
    state = OutboxMessage.objects.filter(pk=OuterRef("outbox_id")).values("state")[:1]
    results = StepResult.objects.filter(journey__rule__in=found, at__gt=now - MONTH).annotate(state=Subquery(state))
    counted = results.values("journey__rule", "verdict", "state").annotate(n=Count("pk"))
    steps = counted.values_list("journey__rule", "verdict", "state", "n")
    for rule_id, verdict, sent, count in due.values_list("rule", "what", "state", "n").union(steps, all=True):
        if verdict == DUE:
            found[rule_id].due = count
        elif sent == OutboxMessage.State.SENT:
            found[rule_id].sent += count
        elif verdict == StepResult.Verdict.HELD or sent in NOT_SENT:
            found[rule_id].held += count
    return found


@dataclass(slots=True)
class Step:
    """One step of a decision's journey and what became of its message."""

    result: Any  # a StepResult of `results_of`

    @property
    def message(self) -> str:
        """The state of its message in words; empty where there is none."""
        state = self.result.message_state
        return str(OutboxMessage.State(state).label) if state else ""

    @property
    def why(self) -> str:
        """The reason for which it was held or did not leave, in words; empty where it goes its way."""
        code = self.result.message_reason if self.result.message_state in NOT_SENT else self.result.reason
        return code.replace("_", " ")


@dataclass(slots=True)
class Decision:
    """A stored decision as the page shows it."""

    firing: Firing
    journey: Journey | None
    steps: Sequence[Step] = field(default_factory=list)


def firings(rule: Rule, viewer: scope.Viewer) -> QuerySet[Firing]:
    """A rule's decisions about patients whom the viewer may see, ready to be paged and shown."""
    return (
        Firing.objects.filter(scope.sees_patient(viewer, "patient_id"), rule=rule)
        .select_related("patient", "version")
        .annotate(**of_journey())
    )


def of_journey() -> dict[str, Any]:
    """Annotations of decisions, `journey_<column>`: one has one journey at most, which `journey_of` makes of them."""
    return {f"journey_{name}": F(f"journeys__{name}") for name in SHOWN_OF_JOURNEY}


def journey_of(firing: Any) -> Journey | None:
    """The journey of a decision that was read with `of_journey`; it has the columns that pages show, and no others."""
    if firing.journey_id is None:
        return None
    return Journey(**{name: getattr(firing, f"journey_{name}") for name in SHOWN_OF_JOURNEY})


def results_of(page: Iterable[Any]) -> dict[UUID, list[Any]]:
    """The steps of the decisions' journeys in their order, by journey, in one statement.

    Each has `message_state` and `message_reason` of its message; None where there is none.
    """
    message = OutboxMessage.objects.filter(pk=OuterRef("outbox_id"))
    steps = StepResult.objects.filter(journey__in=[f.journey_id for f in page if f.journey_id]).order_by("index")
    found: dict[UUID, list[Any]] = defaultdict(list)
    for result in steps.annotate(
        message_state=Subquery(message.values("state")), message_reason=Subquery(message.values("reason"))
    ):
        found[result.journey_id].append(result)
    return found


def decisions(page: Sequence[Firing]) -> list[Decision]:
    """The decisions of one page with their journeys, steps and messages."""
    steps = results_of(page)
    made = []
    for firing in page:
        journey = journey_of(firing)
        results = steps[journey.pk] if journey else []
        made.append(Decision(firing, journey, [Step(result) for result in results]))
    return made
