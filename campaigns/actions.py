"""What a step can do: upper apps register one action a kind of step (docs/reference/registries.md).

Campaigns decides when a step is due and writes down what became of it; the action does it, for a batch at once.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from patients.models import Episode, Patient


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One step of one journey whose time has come.

    `step` is the step's document. `dedupe_key` is unique to firing and step: whatever is queued for it must carry
    it, so that it leaves once. `expires_at` (aware): after it the step is worthless. `purpose`: the rule's.
    """

    patient: Patient
    episode: Episode | None
    rule_id: UUID
    firing_id: UUID
    step: Mapping[str, Any]
    purpose: str
    planned_at: datetime
    expires_at: datetime
    dedupe_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of a released step: queued (`outbox_id`), or held with a `reason`. A held step ends no journey."""

    outbox_id: UUID | None = None
    channel: str = ""
    reason: str = ""

    @property
    def held(self) -> bool:
        """Whether nothing leaves."""
        return bool(self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One kind of step.

    `release(batch, now)`: do it for all, in the caller's transaction; one Result a Release, in their order. Called
    again with the same `dedupe_key` it does nothing twice.
    `names`: the member of the step that names what is sent, such as `survey`.
    `choices()`: what it may name in this practice, as (value, label); the form's options.
    `phrase(step, language)`: what the step does as the end of "… then", without channel: “send the survey X” (en, es).
    """

    kind: str
    names: str
    release: Callable[[Sequence[Release], datetime], Sequence[Result]]
    choices: Callable[[], Sequence[tuple[str, str]]]
    phrase: Callable[[Mapping[str, Any], str], str]


_actions: dict[str, Action] = {}


def register(action: Action) -> None:
    """Add an action, from an AppConfig.ready(). ValueError where its kind is taken."""
    if action.kind in _actions:
        raise ValueError(f"action {action.kind!r} is registered twice")
    _actions[action.kind] = action


def action(kind: str) -> Action:
    """The registered action. KeyError for a kind that nobody registered."""
    return _actions[kind]


def kinds() -> Iterable[str]:
    """All registered kinds, sorted."""
    return sorted(_actions)
