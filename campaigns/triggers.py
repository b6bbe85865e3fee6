"""What can make a rule fire: one class a kind, registered by name (campaigns.md §2).

A trigger compiles to SQL that finds occurrences in a window by index ranges; preview, backtest and explanation use
the same SQL with another window.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from campaigns import due, zones
from campaigns.due import Window
from patients.models import Episode

CANDIDATE_COLUMNS = ("patient_id", "episode_id", "occurrence", "due_at", "zone", "facts")


@dataclass(frozen=True, slots=True)
class Probe:
    """A SELECT of CANDIDATE_COLUMNS and its named parameters; empty where nothing can be due.

    The caller gives %(practice)s.
    """

    sql: str
    parameters: dict[str, Any]


class Trigger(Protocol):
    """One kind of trigger."""

    kind: str
    stops: frozenset[str]  # stop conditions that can occur after it

    def probe(self, params: Mapping[str, Any], setting: str, window: Window) -> Probe:
        """Occurrences of the practice in the window that hold on the facts of now; `setting` is the rule's zone."""

    def next_at(self, params: Mapping[str, Any], zone: str, after: datetime) -> datetime:
        """The next instant later than `after` at which something can come due in `zone`."""

    def clock_zones(self, params: Mapping[str, Any], setting: str) -> list[str]:
        """The zones that need a clock; one empty name where the zone does not matter."""

    def holds(self, about: Sequence[tuple[UUID | None, str]]) -> set[str]:
        """Of (episode id, occurrence): the occurrences that still hold on the facts of now."""

    def occasion(self, params: Mapping[str, Any], setting: str, episode: Episode) -> tuple[str, datetime | None]:
        """The key and the due instant of an episode's current occurrence; no instant where there is nothing to count
        from.
        """

    def sentence(self, params: Mapping[str, Any], setting: str, language: str) -> str:
        """“When …, wait …, then at …” without the steps; `language` en or es."""


class AfterDischarge:
    """N days or hours after a discharge; each discharge once.

    Reopened after more than 72 h and discharged again is another one; within 72 h it is a correction.
    """

    kind = "after_discharge"
    stops = frozenset({"booked", "visited", "answered", "opted_out", "readmitted"})

    _SELECT = """
    SELECT e.patient_id, e.id AS episode_id, 'e:' || e.id || ':d' || e.discharge_seq AS occurrence,
           {due} AS due_at, {zone} AS zone,
           jsonb_build_object('discharged_at', e.discharged_at, 'zone', {zone}, 'clinic', e.clinic_id) AS facts
      FROM {source}
      JOIN patients_patient p ON p.practice_id = e.practice_id AND p.id = e.patient_id
      JOIN accounts_practice o ON o.id = e.practice_id
     WHERE e.practice_id = %(practice)s AND e.status = 'discharged' AND NOT e.hidden
       AND e.live_from < {due} AND {only}"""

    def probe(self, params: Mapping[str, Any], setting: str, window: Window) -> Probe:
        """By local dates for days, by elapsed time for hours; on-time (A) and late (B) as two index ranges."""
        by = self._by_hours if params["after"]["unit"] == "hours" else self._by_days
        return by(params, setting, window)

    def _by_days(self, params: Mapping[str, Any], setting: str, window: Window) -> Probe:
        used = zones.in_use(setting)
        days = [
            day for name in used.names for day in due.due_days(name, int(params["after"]["n"]), params["at"], window)
        ]
        parts: list[str] = []
        parameters: dict[str, Any] = {"broken": used.broken, "last_resort": zones.LAST_RESORT}
        in_zone = f"{zones.expression(setting)} = c.zone"
        in_day = "e.discharged_at >= c.first AND e.discharged_at < c.last"
        for name, chosen, only in (
            ("fresh", [day for day in days if window.fresh(day.due)], in_zone),
            ("late", [day for day in days if not window.fresh(day.due)],
             f"{in_zone} AND e.changed_at >= %(seen_through)s"),
        ):  # fmt: skip
            if not chosen:
                continue
            calendar = (
                f"unnest(%({name}_zone)s::text[], %({name}_first)s::timestamptz[], %({name}_last)s::timestamptz[], "
                f"%({name}_due)s::timestamptz[]) AS c(zone, first, last, due)"
            )
            source = f"{calendar} JOIN patients_episode e ON {in_day}"
            parts.append(self._SELECT.format(due="c.due", zone="c.zone", source=source, only=only))
            for field in ("zone", "first", "last", "due"):
                parameters[f"{name}_{field}"] = [getattr(day, field) for day in chosen]
        parameters["seen_through"] = window.seen_through
        return Probe(" UNION ALL ".join(parts), parameters)

    def _by_hours(self, params: Mapping[str, Any], setting: str, window: Window) -> Probe:
        offset = timedelta(hours=int(params["after"]["n"]))
        fresh_from = max(window.floor, window.due_through) if window.due_through else window.floor
        used = zones.in_use(setting)
        parameters = {
            "broken": used.broken, "last_resort": zones.LAST_RESORT, "hours": int(params["after"]["n"]),
            "floor": window.floor - offset, "since": window.since - offset, "until": window.at - offset,
            "fresh_from": fresh_from - offset, "seen_through": window.seen_through,
        }  # fmt: skip
        ranges = ["e.discharged_at > %(fresh_from)s AND e.discharged_at >= %(since)s AND e.discharged_at <= %(until)s"]
        if window.due_through is not None:
            ranges.append(
                "e.changed_at >= %(seen_through)s AND e.discharged_at > %(floor)s AND e.discharged_at >= %(since)s "
                "AND e.discharged_at <= least(%(fresh_from)s, %(until)s)"
            )
        parts = [
            self._SELECT.format(
                due="(e.discharged_at + make_interval(hours => %(hours)s))",
                zone=zones.expression(setting),
                source="patients_episode e",
                only=only,
            )
            for only in ranges
        ]
        return Probe(" UNION ALL ".join(parts), parameters)

    def next_at(self, params: Mapping[str, Any], zone: str, after: datetime) -> datetime:
        """Days: the next `at` in the zone. Hours: at once, since any moment may be due."""
        return after if params["after"]["unit"] == "hours" else due.next_due(zone, params["at"], after)

    def clock_zones(self, params: Mapping[str, Any], setting: str) -> list[str]:
        """All zones in use for days, none for hours."""
        return [""] if params["after"]["unit"] == "hours" else zones.in_use(setting).names

    def holds(self, about: Sequence[tuple[UUID | None, str]]) -> set[str]:
        """Discharged, with the same sequence number, and not deleted by the EMR."""
        episodes = Episode.objects.shown().filter(
            pk__in={episode for episode, _key in about}, status=Episode.Status.DISCHARGED
        )
        now = {self.occurrence(pk, seq) for pk, seq in episodes.values_list("pk", "discharge_seq")}
        return {key for _episode, key in about} & now

    def occasion(self, params: Mapping[str, Any], setting: str, episode: Episode) -> tuple[str, datetime | None]:
        """Of the discharge that stands, if one does and the EMR has not deleted the episode (read by `with_zones`)."""
        key = self.occurrence(episode.pk, episode.discharge_seq)
        if episode.discharged_at is None or episode.hidden:
            return key, None
        if params["after"]["unit"] == "hours":
            return key, episode.discharged_at + timedelta(hours=int(params["after"]["n"]))
        zone = zones.of_episode(episode)
        return key, due.due_at(episode.discharged_at, int(params["after"]["n"]), params["at"], zone)

    @staticmethod
    def occurrence(episode_id: UUID, seq: int) -> str:
        """The key of one discharge."""
        return f"e:{episode_id}:d{seq}"

    def sentence(self, params: Mapping[str, Any], setting: str, language: str) -> str:
        """“When a patient is discharged, wait 14 days, then at 10:00 in the clinic's time zone”."""
        n, wall = int(params["after"]["n"]), params.get("at", "")
        spanish = language == "es"
        if params["after"]["unit"] == "hours":
            if spanish:
                return f"Cuando un paciente recibe el alta, esperar {n} {'hora' if n == 1 else 'horas'}, luego"
            return f"When a patient is discharged, wait {n} {'hour' if n == 1 else 'hours'}, then"
        if spanish:
            wait = f"esperar {n} {'día' if n == 1 else 'días'}, luego" if n else "el mismo día"
            where = "en la zona horaria " + ("del paciente" if setting == "patient" else "de la clínica")
            return f"Cuando un paciente recibe el alta, {wait} a las {wall} {where}"
        wait = f"wait {n} {'day' if n == 1 else 'days'}, then" if n else "on the same day"
        where = f"in the {'patient' if setting == 'patient' else 'clinic'}'s time zone"
        return f"When a patient is discharged, {wait} at {wall} {where}"


_triggers: dict[str, Trigger] = {}


def register(trigger: Trigger) -> None:
    """Add a trigger, from an AppConfig.ready(). ValueError where its kind is taken."""
    if trigger.kind in _triggers:
        raise ValueError(f"trigger {trigger.kind!r} is registered twice")
    _triggers[trigger.kind] = trigger


def trigger(kind: str) -> Trigger:
    """The registered trigger. KeyError for a kind that nobody registered."""
    return _triggers[kind]


def kinds() -> Iterable[str]:
    """All registered kinds, sorted."""
    return sorted(_triggers)


register(AfterDischarge())
