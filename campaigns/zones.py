"""The time zone of an occurrence (campaigns.md §2): in SQL for the probes, and the list of those a practice uses."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet, Value
from django.db.models.expressions import RawSQL

from accounts.models import Clinic, Practice
from campaigns import due
from patients.models import Episode, Patient
from prm.tenancy import current_practice_id

LAST_RESORT = "UTC"

# `e` is the episode, `p` its patient, `o` the practice. What is no time zone counts as missing, so that one bad value
# never stops a practice; COALESCE asks the next question only where the one before had no answer.
_CLINIC = """
(SELECT {clinic} FROM accounts_clinic k WHERE k.practice_id = e.practice_id AND k.id = e.clinic_id),
(SELECT {clinic} FROM accounts_clinic k WHERE k.practice_id = e.practice_id AND k.id = (
   SELECT l.clinic_id FROM patients_episode l
    WHERE l.practice_id = e.practice_id AND l.patient_id = e.patient_id AND NOT l.hidden
    ORDER BY l.opened_at DESC NULLS LAST, l.id DESC LIMIT 1)),
(SELECT {clinic} FROM accounts_clinic k WHERE k.practice_id = e.practice_id AND k.id = p.home_clinic_id),
{practice}, %(last_resort)s"""


_asked: ContextVar["dict[str, Zones] | None"] = ContextVar("zones", default=None)


@dataclass(frozen=True, slots=True)
class Zones:
    """What a practice uses: `names`, sorted, all usable; `broken`: values in its rows that are no time zone."""

    names: list[str]
    broken: list[str]


def expression(setting: str) -> str:
    """SQL of the zone's name for a rule's `zone`: `clinic` or `patient`. Parameters: %(broken)s, %(last_resort)s."""
    parts = _CLINIC.format(clinic=_known("k.time_zone"), practice=_known("o.time_zone"))
    own = f"{_known('p.time_zone')}, " if setting == "patient" else ""
    return f"coalesce({own}{parts})"


def in_use(setting: str) -> Zones:
    """The zones in which an occurrence of the current practice can lie."""
    asked = _asked.get()
    if asked is None:
        return _look_up(setting)
    if setting not in asked:
        asked[setting] = _look_up(setting)
    return asked[setting]


@contextmanager
def asked_once() -> Iterator[None]:
    """Inside, the zones are looked up once for each setting: a page shows several windows of one moment."""
    token = _asked.set({})
    try:
        yield
    finally:
        _asked.reset(token)


def _look_up(setting: str) -> Zones:
    sources = [Clinic.objects.all()]
    if setting == "patient":
        sources.append(Patient.objects.exclude(time_zone=""))
    own = Practice.objects.filter(pk=current_practice_id()).annotate(own=Value(True))
    rows = own.values_list("own", "time_zone").union(
        *(rows.annotate(own=Value(False)).values_list("own", "time_zone") for rows in sources)
    )
    found, practice = set(), ""
    for is_own, name in rows:
        if is_own:
            practice = name
        else:
            found.add(name)
    found.add(practice if due.usable(practice) else LAST_RESORT)
    names = {name for name in found if due.usable(name)}
    return Zones(sorted(names), sorted((found | {practice}) - names | {""}))


def with_zones(setting: str, episodes: QuerySet[Episode]) -> QuerySet[Any]:
    """The episodes, each with `zones`: what `expression` asks for its zone, in that order, for `of_episode`."""
    parts = _CLINIC.format(clinic="k.time_zone", practice="o.time_zone") % {"last_resort": f"'{LAST_RESORT}'"}
    own = "p.time_zone, " if setting == "patient" else ""
    asked = (
        f"(SELECT ARRAY[{own}{parts}] FROM patients_episode e "  # noqa: S608  # nosec B608  (our own text, no values)
        "JOIN patients_patient p ON p.practice_id = e.practice_id AND p.id = e.patient_id "
        "JOIN accounts_practice o ON o.id = e.practice_id "
        "WHERE e.practice_id = patients_episode.practice_id AND e.id = patients_episode.id)"
    )
    return episodes.annotate(zones=RawSQL(asked, []))  # noqa: S611  # nosec B611  (the same)


def of_episode(episode: Any) -> str:
    """The zone of the occurrences of an episode that was read by `with_zones`: the first that is one."""
    return next(name for name in episode.zones if name and due.usable(name))


def _known(column: str) -> str:
    return f"CASE WHEN {column} <> ALL(%(broken)s::text[]) THEN {column} END"
