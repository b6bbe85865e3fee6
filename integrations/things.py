"""A thing of a source under all of its names, read unit by unit: what the projections work on. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from integrations.facts import State, Weight, newest, order_moment, stated, weight, winner


@dataclass
class Thing:
    """Records of one thing: its own and those that were renamed to it, each with its merge state."""

    key: str
    names: list[str]
    states: list[State]

    def get(self, unit: str, default: Any = None) -> Any:
        """The value that changed last over all names; `default` where there is none."""
        value = newest(self.states, unit)
        return default if value is None else value

    def has(self, unit: str) -> bool:
        """True where any name states the unit."""
        return any(stated(state, unit) for state in self.states)

    def weight(self, unit: str) -> Weight:
        """The rank and the order of the value that holds, to compare it with other things'."""
        found = winner((weight(state, unit), None) for state in self.states)
        return found[0] if found else (0, "")

    def order(self, unit: str) -> str:
        """The order key at which the value that holds was first stated; empty where none was."""
        return self.weight(unit)[1]

    def since(self, unit: str) -> datetime | None:
        """The moment at which the value that holds was first stated."""
        order = self.order(unit)
        return order_moment(order) if order else None

    def history(self, unit: str) -> list[tuple[str, Any]]:
        """All statements of a unit that is kept in full, oldest first."""
        return sorted(
            ((point, value) for state in self.states for point, value in state.get(unit, {}).get("h", [])),
            key=lambda entry: entry[0],
        )

    @property
    def deleted(self) -> bool:
        """True while its newest tombstone holds."""
        return self.get("deleted") is True


def things(records: Mapping[str, Sequence[State]]) -> dict[str, Thing]:
    """By key: records that `moved_to` another key are names of that one; a circle of names stays where it began.

    A key has several states where several feeds speak of one thing: its own feed, and what staff entered by hand.
    """
    moved = {key: newest(states, "moved_to") for key, states in records.items()}
    found: dict[str, Thing] = {}
    for key in sorted(records):
        final = _final(key, moved)
        thing = found.setdefault(final, Thing(final, [], []))
        thing.names.append(key)
        thing.states += records[key]
    return found


def _final(key: str, moved: Mapping[str, Any]) -> str:
    seen = {key}
    current = key
    while (target := moved.get(current)) and target not in seen:
        seen.add(target)
        current = target
    return min(seen) if target else current


def moment(value: Any) -> datetime | None:
    """The aware moment of an ISO text or of `{"at": …}`; None for anything else."""
    told = value.get("at") if isinstance(value, dict) else value
    return datetime.fromisoformat(told) if isinstance(told, str) and told else None


def latest(values: Iterable[tuple[Weight, Any]]) -> Any:
    """The value that holds (`facts.winner`) among those that are there; None where none is."""
    found = winner(one for one in values if one[1])
    return found[1] if found else None
