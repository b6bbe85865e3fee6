"""Deciding what is due, set-based and at most once an occurrence (campaigns.md §2 and §7).

At least once: what came due since the last tick is found by probe A, what was due before and is learned late by
probe B, and both watermarks move only with the commit. At most once: the unique key of `Firing`, whatever overlaps.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from campaigns import due, journey, triggers
from campaigns.due import Window
from campaigns.models import EvaluationState, Journey, Rule, RuleClock
from patients import timeline
from patients.models import Patient
from prm.tenancy import current_practice_id

log = logging.getLogger(__name__)

ROWS_A_STATEMENT = 5_000
SECONDS_A_CLAIM = 2.0
ON_TIME = timedelta(minutes=60)  # decided later than that after its due time, a journey starts when it was decided

_DECIDE = """
WITH candidate AS ({candidates}),
fresh AS MATERIALIZED (
  SELECT c.*, row_number() OVER (PARTITION BY c.patient_id ORDER BY c.due_at, c.occurrence) AS place
    FROM candidate c
   WHERE NOT EXISTS (SELECT 1 FROM campaigns_firing f
                      WHERE f.practice_id = %(practice)s AND f.rule_id = %(rule)s
                        AND f.patient_id = c.patient_id AND f.occurrence = c.occurrence)
   ORDER BY c.due_at, c.occurrence
   LIMIT %(limit)s),
judged AS (
  SELECT n.*, CASE
      WHEN p.deceased_at IS NOT NULL OR p.archived_at IS NOT NULL OR p.merged_into_id IS NOT NULL
      THEN 'patient_inactive'
      WHEN EXISTS (SELECT 1 FROM campaigns_journey j WHERE j.practice_id = %(practice)s AND j.rule_id = %(rule)s
                      AND j.patient_id = n.patient_id AND j.ended_at IS NULL) THEN 'in_journey'
      WHEN {reentry} THEN 'reentry'
      WHEN n.place > 1 THEN 'in_journey'
      ELSE 'fired' END AS outcome
    FROM fresh n
    JOIN patients_patient p ON p.practice_id = %(practice)s AND p.id = n.patient_id)
{act}"""

_RECORD = """
INSERT INTO campaigns_firing
       (id, practice_id, rule_id, version_id, patient_id, episode_id, occurrence, due_at, decided_at, outcome, facts)
SELECT prm_uuid7(), %(practice)s, %(rule)s, %(version)s, patient_id, episode_id, occurrence, due_at, %(at)s, outcome,
       facts
  FROM judged
    ON CONFLICT (practice_id, rule_id, patient_id, occurrence) DO NOTHING
RETURNING id, patient_id, episode_id, occurrence, due_at, outcome, facts ->> 'zone' AS zone"""

_SHOW = """
SELECT patient_id, episode_id, occurrence, due_at, outcome, zone FROM judged ORDER BY due_at, occurrence"""

_COUNT = """
SELECT outcome, count(*), count(DISTINCT patient_id) FROM judged GROUP BY outcome"""
ALL_ROWS = 1_000_000

_EARLIER = """EXISTS (SELECT 1 FROM campaigns_firing f WHERE f.practice_id = %(practice)s AND f.rule_id = %(rule)s
                      AND f.patient_id = n.patient_id AND f.outcome = 'fired' {since})"""

# The claim's own transaction is left out, and what is no client: a vacuum may run for hours and writes no facts.
# Facts are
# written by prm_app alone, whose transactions its other sessions can see.
_SEEN_THROUGH = """
SELECT least(now(), min(xact_start)) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"""


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision as the database returned it."""

    firing_id: UUID | None
    patient_id: UUID
    episode_id: UUID | None
    occurrence: str
    due_at: datetime
    outcome: str
    zone: str


@dataclass(frozen=True, slots=True)
class Progress:
    """What one claim did. `complete` false: there is more; run again with the same `at`."""

    decided: int
    released: int
    complete: bool


def tick(*, at: datetime) -> Progress | None:
    """Decide and release all that is due in the current practice at `at` (aware), in the caller's transaction.

    None where another worker holds the practice, where nothing was ever turned on, or where `at` is before the last
    tick (logged). Running it twice adds nothing. A practice with much to do gives up after SECONDS_A_CLAIM with
    `complete` false: what was decided stays, the watermarks wait.
    """
    state = EvaluationState.objects.select_for_update(skip_locked=True).first()
    if state is None:
        return None
    if at < state.due_through:
        log.warning("evaluate.before_the_last_tick", extra={"due": state.due_through})
        return None
    started, seen_through, decided = time.monotonic(), seen_through_now(), 0
    rules = list(Rule.objects.active().select_related("version").order_by("pk"))
    for rule in rules:
        window = _window(rule, at, None if rule.rescan else state)
        while True:
            rows = decide(rule, window)
            decided += len(rows)
            # Only what was decided shortens the next claim: probes that are merely slow must come to their end.
            if rows and time.monotonic() - started > SECONDS_A_CLAIM:
                return Progress(decided, 0, complete=False)
            if len(rows) < ROWS_A_STATEMENT:
                break
    released, complete = journey.release_due(at=at, until=started + SECONDS_A_CLAIM)
    if complete:
        EvaluationState.objects.filter(pk=state.pk).update(due_through=at, seen_through=seen_through)
        Rule.objects.filter(pk__in=[rule.pk for rule in rules if rule.rescan]).update(rescan=False)
        set_clocks(rules, after=at)
    return Progress(decided, released, complete)


def tick_rule(rule: Rule, *, at: datetime, look_back: timedelta) -> int:
    """A tick of one active rule that looks at all due from `at - look_back` on; returns the number of decisions.

    For turning on, publishing and resuming (campaigns.md §1), inside `claim`. The practice's watermarks stay.
    """
    window = Window(at=at, floor=_floor(rule), since=at - look_back)
    decided = 0
    while True:
        rows = decide(rule, window)
        decided += len(rows)
        if len(rows) < ROWS_A_STATEMENT:
            break
    journey.release_due(at=at, rule=rule)
    return decided


def claim(*, now: datetime) -> EvaluationState:
    """The current practice's state, locked until the caller's transaction ends; made where there is none yet.

    Waits for an evaluator that is at work. A new practice starts here and now: nothing before was ever due.
    """
    EvaluationState.objects.bulk_create(
        [EvaluationState(due_through=now, seen_through=seen_through_now())], ignore_conflicts=True
    )
    return EvaluationState.objects.select_for_update().get()


def decide(rule: Rule, window: Window) -> list[Decided]:
    """Decide up to ROWS_A_STATEMENT occurrences of the window and start the journeys of those that fired."""
    rows = _run(rule.version.document, window, _RECORD, rule=rule.pk, version=rule.version_id)
    decided = [Decided(*row) for row in rows]
    _start_journeys(rule, [row for row in decided if row.outcome == "fired"], at=window.at)
    return decided


def would_decide(document: dict[str, Any], window: Window, *, rule_id: UUID | None, limit: int) -> list[Decided]:
    """What `decide` would do now, by the same statement without its INSERT: for previews and backtests."""
    rows = _run(document, window, _SHOW, rule=rule_id, version=None, limit=limit)
    return [Decided(None, *row) for row in rows]


def first_of_each(windows: Sequence[tuple[dict[str, Any], Window, UUID]]) -> list[Decided | None]:
    """The first occurrence that `decide` would decide now of each (document, window, rule); one statement."""
    made = [_statement(document, window, _SHOW, rule=rule, version=None, limit=1) for document, window, rule in windows]
    rows = _together(made)
    return [Decided(None, *found[0]) if found else None for found in rows]


def count_would_decide(
    document: dict[str, Any], windows: Sequence[tuple[Window, UUID | None]]
) -> list[dict[str, tuple[int, int]]]:
    """Of each (window, rule), by outcome: how many occurrences, and how many patients they are of; one statement."""
    made = [_statement(document, window, _COUNT, rule=rule, version=None, limit=ALL_ROWS) for window, rule in windows]
    return [{outcome: (many, patients) for outcome, many, patients in found} for found in _together(made)]


def _together(statements: Sequence[tuple[str, dict[str, Any]] | None]) -> list[list[tuple]]:
    """The rows of several statements of the same columns, each one's apart, in one round trip."""
    found: list[list[tuple]] = [[] for _statement in statements]
    with connection.cursor() as cursor:
        parts = [
            f"(SELECT {at}, each.* FROM ({cursor.mogrify(*one).decode()}) AS each)"  # noqa: S608  # nosec B608  (mogrified)
            for at, one in enumerate(statements)
            if one is not None
        ]
        if parts:
            cursor.execute(" UNION ALL ".join(parts))
            for at, *row in cursor.fetchall():
                found[at].append(tuple(row))
    return found


def seen_through_now() -> datetime:
    """Every fact whose `changed_at` is earlier than this (database's clock) is visible to the statements that follow.

    A transaction that is still open may have stamped a row and commit after our snapshot: so no later than its start.
    """
    with connection.cursor() as cursor:
        cursor.execute(_SEEN_THROUGH)
        return cursor.fetchone()[0]


def set_clocks(rules: Sequence[Rule], *, after: datetime) -> None:
    """Set when each rule is next due, zone by zone; clocks of zones that are no longer used go with the next due."""
    present = {(c.rule_id, c.zone): c for c in RuleClock.objects.filter(rule__in=rules)}
    wanted = []
    for rule in rules:
        document = rule.version.document
        kind = triggers.trigger(document["trigger"]["kind"])
        for zone in kind.clock_zones(document["trigger"], document.get("zone", "clinic")):
            next_at = kind.next_at(document["trigger"], zone, after)
            clock = present.pop((rule.pk, zone), None)
            if clock is None or clock.next_at != next_at:
                wanted.append(RuleClock(rule=rule, zone=zone, next_at=next_at))
    RuleClock.objects.bulk_create(
        wanted, update_conflicts=True, unique_fields=["practice", "rule", "zone"], update_fields=["next_at"]
    )
    if present:
        RuleClock.objects.filter(pk__in=[clock.pk for clock in present.values()]).delete()


def max_late(document: dict[str, Any]) -> timedelta:
    """How late an occurrence is still decided and a step still released."""
    return timedelta(hours=int(document.get("max_late_hours", 72)))


def _floor(rule: Rule) -> datetime:
    if rule.floor is None:
        raise ValueError(f"rule {rule.pk} was never turned on")
    return rule.floor


def _window(rule: Rule, at: datetime, state: EvaluationState | None) -> Window:
    return Window(
        at=at, floor=_floor(rule), since=at - max_late(rule.version.document),
        due_through=state.due_through if state else None, seen_through=state.seen_through if state else None,
    )  # fmt: skip


def _run(
    document: dict[str, Any], window: Window, act: str, *, rule: UUID | None, version: UUID | None, limit: int = 0
) -> list[tuple]:
    made = _statement(document, window, act, rule=rule, version=version, limit=limit)
    if made is None:
        return []
    with connection.cursor() as cursor:
        cursor.execute(*made)
        return cursor.fetchall()


def _statement(
    document: dict[str, Any], window: Window, act: str, *, rule: UUID | None, version: UUID | None, limit: int = 0
) -> tuple[str, dict[str, Any]] | None:
    """The statement with its parameters; None where the window holds nothing that could be due."""
    kind = triggers.trigger(document["trigger"]["kind"])
    probe = kind.probe(document["trigger"], document.get("zone", "clinic"), window)
    if not probe.sql:
        return None
    reentry, gap = _reentry(document.get("reentry", "each"), window.at)
    statement = _DECIDE.format(candidates=probe.sql, reentry=reentry, act=act)
    parameters = {
        **probe.parameters, "practice": current_practice_id(), "rule": rule, "version": version, "at": window.at,
        "limit": limit or ROWS_A_STATEMENT, "reentry_since": gap,
    }  # fmt: skip
    return statement, parameters


def _reentry(setting: str | dict[str, Any], at: datetime) -> tuple[str, datetime | None]:
    if isinstance(setting, str):
        return ("false" if setting == "each" else _EARLIER.format(since="")), None
    return _EARLIER.format(since="AND f.decided_at > %(reentry_since)s"), at - timedelta(days=int(setting["gap_days"]))


def _start_journeys(rule: Rule, fired: Sequence[Decided], *, at: datetime) -> None:
    first = rule.version.document["steps"][0]
    journeys = []
    for row in fired:
        start = row.due_at if at - row.due_at <= ON_TIME else at
        journeys.append(
            Journey(
                rule=rule, version=rule.version, firing_id=row.firing_id, patient_id=row.patient_id,
                episode_id=row.episode_id, occurrence=row.occurrence, zone=row.zone, started_at=start,
                planned_at=due.planned(start, first.get("delay"), row.zone),
            )
        )  # fmt: skip
    Journey.objects.bulk_create(journeys, batch_size=1000)
    timeline.record_all(
        timeline.entry(Patient(pk=j.patient_id), "journey_started", j, at=at, rule=str(rule.pk), rule_name=rule.name)
        for j in journeys
    )
