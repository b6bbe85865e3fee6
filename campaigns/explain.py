"""Why did this patient get it, or not? (campaigns.md §1)

What was decided is read from the stored decision; only what was never decided is worked out, and says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from campaigns import evaluate, queries, triggers, zones
from campaigns.models import Firing, Journey, Rule, StepResult
from patients.models import Episode, Patient
from prm.ui import words

OCCURRENCES = 5


@dataclass(frozen=True, slots=True)
class Clause:
    """One line of an explanation: what was asked, whether it holds (None: not asked), the actual value."""

    holds: bool | None
    text: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """One occurrence: `stored` where it was decided; `verdict` in words; the clauses behind it."""

    episode: Episode | None
    due_at: datetime | None
    verdict: str
    clauses: Sequence[Clause]
    firing: Firing | None = None
    journey: Journey | None = None
    results: Sequence[StepResult] = ()

    @property
    def stored(self) -> bool:
        """Whether this is what was decided, not what we work out now."""
        return self.firing is not None


def explain(rule: Rule, patient: Patient, *, now: datetime) -> list[Explanation]:
    """The patient's last five occurrences of an after-discharge rule, newest first: stored decisions, then the
    undecided.
    """
    made = list(
        Firing.objects.filter(rule=rule, patient=patient)
        .select_related("version", "episode")
        .annotate(**queries.of_journey())
        .order_by("-due_at")[:OCCURRENCES]
    )
    steps = queries.results_of(made)
    known = {firing.occurrence for firing in made}
    told = [_stored(firing, steps) for firing in made]
    document = rule.version.document if rule.version else rule.document
    kind = triggers.trigger(document["trigger"]["kind"])
    setting = document.get("zone", "clinic")
    episodes = zones.with_zones(setting, Episode.objects.filter(patient=patient))
    for episode in episodes.order_by("-opened_at", "-pk")[:OCCURRENCES]:
        occurrence, due_at = kind.occasion(document["trigger"], setting, episode)
        if occurrence not in known:
            told.append(_undecided(rule, document, episode, due_at, now=now))
    return sorted(told, key=_when, reverse=True)[:OCCURRENCES]


def _when(told: Explanation) -> tuple[bool, float]:
    return (told.due_at is None, told.due_at.timestamp() if told.due_at else 0.0)


def _stored(firing: Firing, steps: Mapping[UUID, Sequence[StepResult]]) -> Explanation:
    journey = queries.journey_of(firing)
    anchor = datetime.fromisoformat(firing.facts["discharged_at"])
    clauses = [
        Clause(True, f"Discharged {words.moment(anchor)}"),
        Clause(True, f"Due {words.moment(firing.due_at)}, in the zone {firing.facts['zone']}"),
        Clause(
            firing.outcome == Firing.Outcome.FIRED,
            f"Decided {words.moment(firing.decided_at)} by {firing.version}: {firing.get_outcome_display()}",
        ),
    ]
    results = steps.get(journey.pk, []) if journey else []
    return Explanation(
        firing.episode, firing.due_at, firing.get_outcome_display(), clauses, firing, journey, results
    )  # fmt: skip


def _undecided(
    rule: Rule, document: dict[str, Any], episode: Episode, due_at: datetime | None, *, now: datetime
) -> Explanation:
    if due_at is None or episode.discharged_at is None:
        why = "deleted by the EMR" if episode.hidden else "not discharged"
        return Explanation(episode, None, f"Never due: {why}", [Clause(False, why.capitalize())])
    clauses = [
        Clause(True, f"Discharged {words.moment(episode.discharged_at)}"),
        Clause(due_at <= now, f"Due {words.moment(due_at)}"),
    ]
    live = episode.live_from is not None and due_at > episode.live_from
    clauses.append(Clause(live, _live(episode)))
    floor = rule.floor
    if floor is not None:
        clauses.append(Clause(due_at > floor, f"The rule counts from {words.moment(floor)}"))
    hours = document.get("max_late_hours", 72)
    in_time = due_at >= now - evaluate.max_late(document)
    clauses.append(Clause(in_time, f"Known in time: at most {hours} h after it was due"))
    return Explanation(episode, due_at, _verdict(rule, due_at, clauses, live, in_time, now), clauses)


def _live(episode: Episode) -> str:
    if episode.live_from is None:
        return "The EMR's connection is not live: what it loads first never causes messages"
    return f"The EMR's connection is live since {words.moment(episode.live_from)}"


def _verdict(rule: Rule, due_at: datetime, clauses: list[Clause], live: bool, in_time: bool, now: datetime) -> str:
    if not live:
        return "Never due: it came with the first load"
    if rule.floor is None:
        return "The rule was never turned on"
    if due_at <= rule.floor:
        return "Never due: it was due before the rule was turned on"
    if due_at > now:
        return "Not due yet"
    if not in_time:
        return "Never decided: we learned of it too late"
    if rule.state != Rule.State.ACTIVE:
        return f"Waits: the rule is {rule.get_state_display().lower()}"
    return "Will be decided within a minute"
