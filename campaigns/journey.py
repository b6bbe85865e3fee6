"""Journeys: releasing the steps that are due, in order, or ending the journey with its reason (campaigns.md §2)."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from campaigns import actions, due, triggers
from campaigns.models import Journey, Rule, StepResult
from patients import timeline
from patients.models import Consent, Episode, Visit

BATCH = 1_000
PURPOSES = ("treatment", "own_health_service", "authorised_marketing")
End = Journey.End


def release_due(*, at: datetime, rule: Rule | None = None, until: float | None = None) -> tuple[int, bool]:
    """Give every step planned at or before `at` (aware) its verdict; returns how many, and whether that was all.

    Of active rules, or of `rule` alone. `until`: a `time.monotonic()` after which no further batch is begun. Runs
    inside the claim of the practice. A journey's steps go one after another: the next is looked at once the one
    before is settled.
    """
    settled = 0
    while True:
        batch = _due(at, rule)
        if not batch:
            return settled, True
        settled += _settle(batch, at=at)
        if until is not None and time.monotonic() > until:
            return settled, not _due(at, rule, limit=1)


def hold_planned(rule: Rule, *, before: datetime, reason: str) -> int:
    """Hold all steps of a rule that are planned before a moment, as a resumed rule does; returns how many."""
    held = 0
    while True:
        batch = list(_running(rule).filter(planned_at__lt=before)[:BATCH])
        if not batch:
            return held
        _advance([(j, actions.Result(reason=reason)) for j in batch], at=before)
        held += len(batch)


def end_all(rule: Rule, *, at: datetime, reason: str) -> int:
    """End a rule's running journeys; returns how many."""
    running = list(_running(rule))
    _end([(j, reason) for j in running], at=at)
    return len(running)


def _running(rule: Rule | None) -> QuerySet[Journey]:
    running = Journey.objects.running().select_related("rule", "version", "patient", "episode")
    return running.filter(rule=rule) if rule else running.filter(rule__state=Rule.State.ACTIVE)


def _due(at: datetime, rule: Rule | None, limit: int = BATCH) -> list[Journey]:
    found = list(_running(rule).filter(planned_at__lte=at).order_by("planned_at", "pk")[:limit])
    return sorted(found, key=_order)


def _order(j: Journey) -> tuple:
    """Within a tick: purpose, priority, planned, rule, step."""
    document = j.version.document
    return (PURPOSES.index(document["purpose"]), document.get("priority", 5), j.planned_at, j.rule_id, j.step, j.pk)


def _settle(batch: Sequence[Journey], *, at: datetime) -> int:
    """First that applies: the patient, a stop condition, the anchor, lateness, the action."""
    ends: list[tuple[Journey, str]] = []
    goes_on = []
    stopped, holding = _stopped(batch), _holding(batch)
    for j in batch:
        patient = j.patient
        if patient.deceased_at or patient.archived_at or patient.merged_into_id:
            ends.append((j, End.PATIENT_INACTIVE))
        elif j.pk in stopped:
            ends.append((j, f"stopped_{stopped[j.pk]}"))
        elif j.occurrence not in holding:
            ends.append((j, End.ANCHOR_GONE))
        else:
            goes_on.append(j)
    _end(ends, at=at)
    late = {j.pk for j in goes_on if at - j.planned_at > _max_late(j)}
    _advance(
        [(j, actions.Result(reason="stale")) for j in goes_on if j.pk in late]
        + _act([j for j in goes_on if j.pk not in late], at=at),
        at=at,
    )
    return len(batch)


def _act(batch: Iterable[Journey], *, at: datetime) -> list[tuple[Journey, actions.Result]]:
    by_kind: dict[str, list[Journey]] = {}
    for j in batch:
        by_kind.setdefault(_step(j)["do"], []).append(j)
    done: list[tuple[Journey, actions.Result]] = []
    for kind, journeys in by_kind.items():
        releases = [_release(j) for j in journeys]
        done += zip(journeys, actions.action(kind).release(releases, at), strict=True)
    return done


def _release(j: Journey) -> actions.Release:
    step = _step(j)
    return actions.Release(
        patient=j.patient, episode=j.episode, rule_id=j.rule_id, firing_id=j.firing_id, step=step,
        purpose=j.version.document["purpose"], planned_at=j.planned_at, expires_at=j.planned_at + _max_late(j),
        dedupe_key=f"{j.firing_id}:{step['id']}",
    )  # fmt: skip


def _advance(settled: Sequence[tuple[Journey, actions.Result]], *, at: datetime) -> None:
    """Write down each step's verdict and plan the next step, or end the journey after its last."""
    results, finished = [], []
    for j, result in settled:
        results.append(
            StepResult(
                journey=j, index=j.step, step_id=_step(j)["id"], planned_at=j.planned_at, at=at,
                verdict="held" if result.held else "send", reason=result.reason, channel=result.channel,
                outbox_id=result.outbox_id,
            )
        )  # fmt: skip
        j.step += 1
        if j.step < len(j.version.document["steps"]):
            j.planned_at = due.planned(j.planned_at, _step(j).get("delay"), j.zone)
        else:
            finished.append((j, End.COMPLETED))
    StepResult.objects.bulk_create(results, batch_size=1000)
    Journey.objects.bulk_update([j for j, _result in settled], ["step", "planned_at"], batch_size=1000)
    _end(finished, at=at)


def _end(ends: Sequence[tuple[Journey, str]], *, at: datetime) -> None:
    for j, reason in ends:
        j.ended_at, j.end_reason = at, str(reason)
    Journey.objects.bulk_update([j for j, _reason in ends], ["ended_at", "end_reason"], batch_size=1000)
    timeline.record_all(
        timeline.entry(
            j.patient, "journey_stopped", j, at=at, rule=str(j.rule_id), rule_name=j.rule.name, reason=str(reason)
        )
        for j, reason in ends
        if reason != End.COMPLETED
    )


def _stopped(batch: Sequence[Journey]) -> dict[UUID, str]:
    """By journey: the first of its version's stop conditions, in the order of STOPS, that was met after its start."""
    stopped: dict[UUID, str] = {}
    journeys = Journey.objects.filter(pk__in=[j.pk for j in batch])
    for name, condition in STOPS.items():
        asked = [j.pk for j in batch if name in j.version.document.get("stop_on", ())]
        if asked:
            for pk in journeys.filter(condition(), pk__in=asked).values_list("pk", flat=True):
                stopped.setdefault(pk, name)
    return stopped


def _booked() -> Exists:
    booked = Visit.objects.shown().exclude(status=Visit.Status.CANCELLED)
    return Exists(booked.filter(patient=OuterRef("patient"), booked_at__gt=OuterRef("started_at")))


def _visited() -> Exists:
    completed = Visit.objects.shown().filter(status=Visit.Status.COMPLETED)
    return Exists(completed.filter(patient=OuterRef("patient"), starts_at__gt=OuterRef("started_at")))


def _answered() -> Q:
    return Q(patient__last_answer_at__gt=F("started_at"))


def _opted_out() -> Exists:
    return Exists(Consent.objects.filter(patient=OuterRef("patient"), granted=False, at__gt=OuterRef("started_at")))


def _readmitted() -> Exists:
    since = Q(opened_at__gt=OuterRef("started_at")) | Q(reopened_at__gt=OuterRef("started_at"))
    return Exists(Episode.objects.shown().filter(since, patient=OuterRef("patient")))


STOPS: Mapping[str, Callable[[], Any]] = {
    "booked": _booked,
    "visited": _visited,
    "answered": _answered,
    "opted_out": _opted_out,
    "readmitted": _readmitted,
}


def _holding(batch: Sequence[Journey]) -> set[str]:
    by_kind: dict[str, list[tuple[UUID | None, str]]] = {}
    for j in batch:
        by_kind.setdefault(j.version.document["trigger"]["kind"], []).append((j.episode_id, j.occurrence))
    return {key for kind, about in by_kind.items() for key in triggers.trigger(kind).holds(about)}


def _step(j: Journey) -> Mapping[str, Any]:
    return j.version.document["steps"][j.step]


def _max_late(j: Journey) -> timedelta:
    return timedelta(hours=int(j.version.document.get("max_late_hours", 72)))
