"""What a case is made of: sides that do the same work, each checked before its time counts, and bars on ratios."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol


class WrongOutput(Exception):
    """A side's result is not what was expected; the message says what was. Ends the run with exit status 3."""


class Unavailable(Exception):
    """A peer cannot run here (it is not installed); its bars print SKIP and the run ends with exit status 4."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much work: `n` is the case's own unit (its `sizes` says which), `seed` decides every random choice."""

    n: int
    seed: int
    quick: bool

    def random(self, of: str) -> Random:
        """Chance that repeats: the same for the same seed and purpose."""
        return Random(f"{self.seed} {of}")  # noqa: S311  (no secret)


@dataclass(slots=True)
class Outcome:
    """One run of a side: `units` of work done in `seconds`; `times`: each unit's own seconds, where p95 matters."""

    units: int
    seconds: float = 0.0
    times: Sequence[float] = ()
    result: Any = None

    @property
    def rate(self) -> float:
        """Units a second."""
        return self.units / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class Side:
    """One way of doing the work: `ours`, `limit`, `baseline:…` or `peer:…`.

    `run` does it and is timed from outside; `check` gets its outcome and raises WrongOutput before the time counts.
    `prepare` makes fresh data for each round, untimed. `omits` names work of other sides that this one skips.
    """

    name: str
    run: Callable[[], Outcome]
    check: Callable[[Outcome], None]
    prepare: Callable[[], None] = lambda: None
    omits: str = ""


Round = Mapping[str, Outcome]  # by side


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: `value` of a round must be at least or at most `bound`, by its median; `goal` is printed beside."""

    name: str
    value: Callable[[Round], float]
    at_least: float | None = None
    at_most: float | None = None
    goal: float | None = None
    sides: Sequence[str] = field(default=())  # without these the bar is skipped

    @property
    def words(self) -> str:
        """“≥ 0.25, goal 0.4”."""
        bound = f"≥ {self.at_least:g}" if self.at_least is not None else f"≤ {self.at_most:g}"
        return bound + (f", goal {self.goal:g}" if self.goal is not None else "")

    def met(self, value: float) -> bool:
        """Whether a value reaches the bar."""
        return (self.at_least is None or value >= self.at_least) and (self.at_most is None or value <= self.at_most)


class Case(Protocol):
    """A module of `bench.cases` has one as CASE. Its database is empty but for migrations when `load` is called."""

    name: str
    writes: bool  # then tables are vacuumed and a checkpoint made before each run

    def sizes(self, *, quick: bool) -> tuple[int, str]:
        """The size where N is not given, and what it counts."""

    def load(self, sizes: Sizes) -> None:
        """Make the data that all sides work on."""

    def sides(self) -> Sequence[Side]:
        """The sides. A peer that cannot run here raises Unavailable from its `prepare`."""

    def bars(self) -> Sequence[Bar]:
        """The bars of the spec's pages."""
