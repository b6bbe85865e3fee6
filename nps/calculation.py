"""Answers from a file, counted by the report's own functions in a practice that is rolled back (nps.md 10)."""

from __future__ import annotations

import csv
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from accounts.models import Clinic, Practice, Therapist
from nps import reports, score
from nps.models import Response, Stage, Survey, SurveyInvitation
from nps.reports import Part
from nps.score import Tally
from patients.models import Episode, Patient
from prm import ids
from prm.tenancy import use_practice

COLUMNS = (
    "response_id", "patient_id", "clinic", "therapist", "stage", "score", "answered_at", "channel", "kind", "status",
)  # fmt: skip
BATCH = 2000
SPLITS = ("month", "clinic", "therapist", "stage")


class BadFile(ValueError):
    """The file cannot be counted: which row and column, what was found, what was expected."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One row of the file; `answered_at` is aware."""

    response_id: str
    patient_id: str
    clinic: str
    therapist: str
    stage: str
    score: int
    answered_at: datetime
    channel: str
    kind: str
    status: str


def read(lines: Iterable[str], zone: ZoneInfo) -> list[Answer]:
    """The file's answers in order of their ids, numbers as numbers. A time without offset is one of `zone`. BadFile."""
    rows = csv.DictReader(lines)
    if tuple(rows.fieldnames or ()) != COLUMNS:
        raise BadFile(f"header: “{','.join(rows.fieldnames or ())[:200]}” is not {','.join(COLUMNS)}")
    answers = [_answer(number, row, zone) for number, row in enumerate(rows, start=2)]
    if len({answer.response_id for answer in answers}) < len(answers):
        raise BadFile("response_id: an id stands there twice; expected each answer once")
    whole = all(answer.response_id.isdigit() for answer in answers)
    return sorted(answers, key=lambda answer: (int(answer.response_id) if whole else 0, answer.response_id))


def _answer(number: int, row: dict[str, str], zone: ZoneInfo) -> Answer:
    def refuse(column: str, expected: str) -> BadFile:
        return BadFile(f"row {number}, {column}: “{str(row[column])[:40]}” is not {expected}")

    if None in row.values() or None in row:
        raise BadFile(f"row {number}: expected {len(COLUMNS)} columns")
    known = {
        "channel": Response.Channel.values,
        "kind": Response.Kind.values,
        "status": Response.Status.values,
        "stage": ["", *Stage.values],
    }
    for column, values in known.items():
        if row[column] not in values:
            raise refuse(column, f"one of {', '.join(filter(None, values))}")
    if not row["response_id"] or not row["patient_id"]:
        raise BadFile(f"row {number}: response_id and patient_id are needed")
    given = row["score"].strip()
    if not given.isascii() or not given.isdigit() or int(given) > 10:
        raise refuse("score", "a whole number from 0 to 10")
    try:
        at = datetime.fromisoformat(row["answered_at"].strip())
    except ValueError:
        raise refuse("answered_at", "a moment such as 2026-03-01T09:30:00-05:00") from None
    at = at if at.tzinfo else at.replace(tzinfo=zone)
    words = {column: row[column] for column in COLUMNS if column not in {"score", "answered_at"}}
    return Answer(score=int(given), answered_at=at, **words)


def calculate(
    answers: list[Answer],
    zone: ZoneInfo,
    first: date,
    beyond: date,
    *,
    by: str = "",
    compare: tuple[date, date] | None = None,
    flags: bool = False,
) -> dict[str, Any]:
    """Score of the days from `first` (in) to `beyond` (out) in `zone`, as the report counts it; nothing is kept."""
    start, end = _midnight(first, zone), _midnight(beyond, zone)
    with transaction.atomic():
        practice = Practice.objects.create(
            slug=f"calculation-{secrets.token_hex(6)}", name="Calculation", time_zone=str(zone)
        )
        with use_practice(practice.pk):
            names = _load(answers)
            parts = [Part("whole", "whole", start, end)]
            parts += [Part(by, by, start, end)] if by else []
            parts += [Part("before", "whole", *(_midnight(day, zone) for day in compare))] if compare else []
            parts += [Part("flags", "therapist", start, end)] if flags else []
            found = reports.count(parts, zone=zone)
        transaction.set_rollback(True)
    whole = reports.tally(found["whole"])
    result = _numbers(whole)
    if by:
        named = {names.get(key, key): reports.tally(found[by], key) for key in found[by]}
        result[f"by_{by}"] = {name: _numbers(named[name]) for name in sorted(named)}
    if compare:
        result["compare"] = _compared(reports.tally(found["before"]), whole)
    if flags:
        therapists = {names.get(key, key): reports.tally(found["flags"], key) for key in found["flags"] if key}
        result["flags"] = {
            name: {"n": flag.n, "detractors": flag.detractors, "p": flag.p, "flagged": flag.flagged}
            for name, flag in sorted(score.flags(therapists).items())
        }
    return result


def _numbers(counted: Tally) -> dict[str, Any]:
    low, high = counted.interval or (None, None)
    return {
        "n": counted.n,
        "promoters": counted.promoters,
        "passives": counted.passives,
        "detractors": counted.detractors,
        "nps": None if counted.nps is None else float(counted.nps),
        "low": low,
        "high": high,
    }


def _compared(before: Tally, after: Tally) -> dict[str, Any]:
    change = score.change(before, after)
    return {
        "before": _numbers(before),
        "difference": None if change.difference is None else float(change.difference),
        "adjusted_difference": change.adjusted_difference,
        "low": change.low,
        "high": change.high,
        "p": change.p,
        "verdict": str(change.verdict.value),
    }


def _load(answers: list[Answer]) -> dict[str, str]:
    """Make the rows that the report reads; the names of clinics and therapists by their keys there."""
    clinics = {name: Clinic(name=name, time_zone="UTC") for name in {answer.clinic for answer in answers} - {""}}
    therapists = {name: Therapist(last_name=name[:80]) for name in {answer.therapist for answer in answers} - {""}}
    patients = {key: Patient(last_name="Calculation") for key in {answer.patient_id for answer in answers}}
    now = max((answer.answered_at for answer in answers), default=None)
    episodes = {
        key: Episode(patient=patient, source_key=f"calculation:{number}", opened_at=now, live_from=now)
        for number, (key, patient) in enumerate(patients.items())
    }
    for made in (clinics, therapists, patients, episodes):
        for rows in _batches(list(made.values())):
            type(rows[0]).objects.bulk_create(rows)
    survey = Survey.objects.create(name="Calculation")
    for some in _batches(answers):
        asked = [
            SurveyInvitation(
                survey=survey, patient=patients[one.patient_id], episode=episodes[one.patient_id], stage=one.stage,
                state=SurveyInvitation.State.ANSWERED, asked_at=one.answered_at,
                expires_at=one.answered_at + timedelta(days=30),
            )
            for one in some
        ]  # fmt: skip
        SurveyInvitation.objects.bulk_create(asked)
        Response.objects.bulk_create(
            Response(
                id=ids.uuid7(), invitation=invitation, patient=invitation.patient, episode=invitation.episode,
                clinic=clinics.get(one.clinic), therapist=therapists.get(one.therapist), stage=one.stage,
                score=one.score, first_score=one.score, answered_at=one.answered_at, changed_at=one.answered_at,
                channel=one.channel, kind=one.kind, status=one.status,
            )
            for one, invitation in zip(some, asked, strict=True)
        )  # fmt: skip
    return {str(row.pk): name for made in (clinics, therapists) for name, row in made.items()}


def _batches(rows: list[Any]) -> Iterable[list[Any]]:
    return (rows[at : at + BATCH] for at in range(0, len(rows), BATCH))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)
