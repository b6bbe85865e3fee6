"""What the pages of rules show, in a number of statements that does not grow with decisions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, OuterRef, Prefetch, QuerySet, Subquery, Value

from campaigns.models import Firing, Journey, Rule, StepResult
from messaging.models import OutboxMessage
from patients import scope

MONTH = timedelta(days=30)
DUE = "due"  # in place of a step's verdict
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

    result: StepResult
    message: OutboxMessage | None

    @property
    def why(self) -> str:
        """The reason for which it was held or did not leave, in words; empty where it goes its way."""
        code = self.message.reason if self.message and self.message.state in NOT_SENT else self.result.reason
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
        .prefetch_related(Prefetch("journeys", Journey.objects.prefetch_related("results")))
    )


def decisions(page: Sequence[Firing]) -> list[Decision]:
    """The decisions of one page with their journeys, steps and messages."""
    wanted = [r.outbox_id for firing in page for j in firing.journeys.all() for r in j.results.all() if r.outbox_id]
    messages = OutboxMessage.objects.in_bulk(wanted)
    made = []
    for firing in page:
        journey = next(iter(firing.journeys.all()), None)
        results = sorted(journey.results.all(), key=lambda result: result.index) if journey else []
        made.append(Decision(firing, journey, [Step(result, messages.get(result.outbox_id)) for result in results]))
    return made
