"""Finding a patient in a practice of 200,000 (bench.md section 4; the palette's 150 ms: ui.md section 5).

Each kind of question is asked of the functions that the pages call, as prm_app under row security, and compared with
reading one patient by his key. What is found is compared with a search through all names in memory.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.scope import WHOLE
from bench import gen
from bench.case import Bar, Outcome, Round, Side, Sizes, WrongOutput
from bench.stats import percentile
from patients import search
from patients.models import Patient
from patients.models.people import search_form
from prm.tenancy import use_practice

FOUND = 8  # as the palette shows
OTHERS = 99  # practices beside the large one, each with a hundredth of its patients
QUESTIONS = 200  # a run
PREFIX, FREE, PALETTE, KEY = "ours:prefix", "ours:free", "ours:palette", "limit:key"

Found = list[UUID]
Names = list[tuple[str, UUID]]  # “last first” and id, sorted as a list of patients is


@dataclass
class Search:
    """The case; what `load` makes is kept for the sides."""

    name: str = "search"
    writes: bool = False
    practice: UUID | None = None
    names: Names = field(default_factory=list)
    asked: dict[str, list[str]] = field(default_factory=dict)
    expected: dict[str, list[Found]] = field(default_factory=dict)

    def sizes(self, *, quick: bool) -> tuple[int, str]:
        """Patients of the large practice."""
        return (20_000 if quick else 200_000), "patients"

    def load(self, sizes: Sizes) -> None:
        """One large practice among small ones with the same names; the questions and their answers."""
        large = gen.practice("Large Practice", "large")
        self.practice = large.pk
        gen.patients(large.pk, sizes.n, seed=sizes.seed)
        for number in range(OTHERS):
            gen.patients(gen.practice(f"Practice {number}", f"practice-{number}").pk, sizes.n // 100, seed=sizes.seed)
        with use_practice(large.pk):
            everyone = list(Patient.objects.order_by("search_name", "pk").values_list("search_name", "pk", "phone"))
        self.names = [(name, pk) for name, pk, _phone in everyone]
        chance = sizes.random("questions")
        people = [chance.choice(everyone) for _question in range(QUESTIONS)]
        self.asked = {
            PREFIX: [name[:3] for name, _pk, _phone in people],
            FREE: [name[1:5] for name, _pk, _phone in people],
            PALETTE: [_typed(at, name, phone) for at, (name, _pk, phone) in enumerate(people)],
            KEY: [str(pk) for _name, pk, _phone in people],
        }
        phones = {phone: pk for _name, pk, phone in everyone}
        self.expected = {
            PREFIX: [self._started(text)[:FOUND] for text in self.asked[PREFIX]],
            FREE: [self._holding(text)[:FOUND] for text in self.asked[FREE]],
            PALETTE: [[phones[text]] if text in phones else self._best(text) for text in self.asked[PALETTE]],
            KEY: [[pk] for _name, pk, _phone in people],
        }

    def sides(self) -> Sequence[Side]:
        """Three ways of asking, and the read of a key."""
        ways: dict[str, Callable[[str], list[Patient]]] = {
            PREFIX: lambda text: list(_first(search.name_starts(text))),
            FREE: lambda text: list(_first(search.matching(text))),
            PALETTE: lambda text: search.first_few(text, WHOLE, most=FOUND),
            KEY: lambda text: [Patient.objects.get(pk=text)],
        }
        return [Side(name, partial(self._run, name, ask), partial(self._check, name)) for name, ask in ways.items()]

    def bars(self) -> Sequence[Bar]:
        """bench.md section 4, `search`; ui.md section 5."""
        return [
            Bar("prefix_p95_vs_key", lambda made: _p95(made, PREFIX) / _p95(made, KEY), at_most=3),
            Bar("free_p95_vs_key", lambda made: _p95(made, FREE) / _p95(made, KEY), at_most=40),
            Bar("palette_p95_ms", lambda made: _p95(made, PALETTE) * 1000, at_most=150),
        ]

    def _run(self, name: str, ask: Callable[[str], list[Patient]]) -> Outcome:
        assert self.practice is not None  # noqa: S101  (load made it)
        found, times = [], []
        with use_practice(self.practice):
            for text in self.asked[name]:
                began = time.perf_counter()
                rows = ask(text)
                times.append(time.perf_counter() - began)
                found.append([patient.pk for patient in rows])
        return Outcome(units=len(times), times=times, result=found)

    def _check(self, name: str, outcome: Outcome) -> None:
        for text, found, wanted in zip(self.asked[name], outcome.result, self.expected[name], strict=True):
            if found != wanted:
                raise WrongOutput(f"{name}: {text!r} found {len(found)} patients, not the {len(wanted)} expected")

    def _started(self, text: str) -> Found:
        return [pk for name, pk in self.names if name.startswith(text)]

    def _holding(self, text: str) -> Found:
        return [pk for name, pk in self.names if all(part in name for part in text.split())]

    def _best(self, text: str) -> Found:
        """As `patients.search.first_few` orders them: last names that start as typed, then all others."""
        wanted = search_form(text)
        started = self._started(wanted)[:FOUND]
        return (started + [pk for pk in self._holding(wanted) if pk not in set(started)])[:FOUND]


def _typed(at: int, name: str, phone: str) -> str:
    """What somebody types for a patient: the start of a name, all of it, first name first, a part, the phone number."""
    last, first = name.split()
    return (name[:4], name, f"{first} {last}", last[2:5], phone)[at % 5]


def _first(condition: Q) -> QuerySet[Patient]:
    found = Patient.objects.visible_to(WHOLE).filter(condition, merged_into=None, archived_at=None)
    return found.order_by("search_name", "pk")[:FOUND]


def _p95(made: Round, side: str) -> float:
    return percentile(made[side].times, 0.95)


CASE = Search()
