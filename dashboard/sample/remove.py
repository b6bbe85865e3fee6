"""Taking the sample patients out: every row that is about them, found by walking the models, and no other.

Rows are found by their foreign keys, step by step from the sample patients and their feed; bodies that share the id of
their message go with it. Foreign keys are checked at the commit: a row that was overlooked undoes the whole removal.
Audit events stay (they are append-only): they name ids that lead nowhere then. The consent ledger keeps nothing of
people who never were.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import models

from accounts.models import Clinic, Membership, Practice, Therapist
from dashboard.models import StartStep
from dashboard.sample.load import wait_for_turn
from dashboard.sample.people import MARK
from integrations.facts import THERAPIST
from integrations.models import Feed, RawMessage, RawMessageBody, SourceRecord
from messaging.models import OutboxBody, OutboxMessage
from patients.models import Patient
from prm.audit.models import AuditEvent
from prm.tenancy.models import PracticeModel

Model = type[PracticeModel]
# Never taken because they point at a sample: a practice's own rows, and people who are none.
KEPT: frozenset[Any] = frozenset({Patient, Feed, Clinic, Therapist, Membership, StartStep, AuditEvent})
BODIES: tuple[tuple[Any, Any], ...] = ((RawMessage, RawMessageBody), (OutboxMessage, OutboxBody))
OPAQUE = ("source", "subject_id", "object_id")  # ids of rows of upper apps, without a key
BATCH = 5_000


def remove(practice: Practice) -> int:
    """Delete all that is about sample patients; returns how many patients that were. In the open practice."""
    wait_for_turn(practice)
    patients = set(Patient.objects.filter(is_sample=True).values_list("pk", flat=True))
    feeds = set(Feed.objects.filter(is_sample=True).values_list("pk", flat=True))
    therapists = _therapists(feeds)
    found: dict[Any, set[UUID]] = defaultdict(set, {Patient: patients, Feed: feeds})
    _follow(found)
    for message, body in BODIES:
        found[body] |= set(_pks(body, "pk", found[message]))
    for model, ids in found.items():
        for part in _parts(ids):
            _forget(model, part)
    for model, ids in found.items():
        for part in _parts(ids):
            rows = model.objects.filter(pk__in=part)
            rows._raw_delete(rows.db)  # the collector would ask of each PROTECT what the walk has settled
    _remove_therapists(therapists)
    return len(patients)


def _follow(found: dict[Any, set[UUID]]) -> None:
    """Add what points at rows found so far, until nothing does."""
    fresh = {model: set(ids) for model, ids in found.items()}
    while fresh:
        following: dict[Any, set[UUID]] = defaultdict(set)
        everything = set().union(*fresh.values())
        for model in _models():
            if model in KEPT:
                continue
            for field in _keys(model):
                following[model] |= set(_pks(model, field.name, fresh.get(field.related_model, set())))
            for name in OPAQUE:
                if isinstance(_field(model, name), models.UUIDField):
                    following[model] |= set(_pks(model, name, everything))
        fresh = {model: new for model, ids in following.items() if (new := ids - found[model])}
        for model, new in fresh.items():
            found[model] |= new


def _forget(target: Any, ids: set[UUID]) -> None:
    """Rows that stay forget the ones that go, where their key may be empty."""
    for model in _models():
        for field in _keys(model, every=True):
            if field.related_model is target and field.null and (model in KEPT or _is_loose(field)):
                model.objects.filter(**{f"{field.name}__in": ids}).update(**{field.name: None})


def _models() -> Iterator[Model]:
    for model in apps.get_models(include_auto_created=True):
        if issubclass(model, PracticeModel) and model is not AuditEvent:
            yield model


def _keys(model: Model, *, every: bool = False) -> Iterator[Any]:
    """The foreign keys to tenant rows; those that become empty by themselves are left out unless `every`."""
    for field in model._meta.concrete_fields:
        if field.is_relation and field.name != "practice" and (every or not _is_loose(field)):
            yield field


def _is_loose(field: Any) -> bool:
    return field.remote_field.on_delete is models.SET_NULL


def _field(model: Model, name: str) -> Any:
    return next((field for field in model._meta.concrete_fields if field.name == name), None)


def _pks(model: Any, name: str, values: set[UUID]) -> Iterator[UUID]:
    for part in _parts(values):
        yield from model.objects.filter(**{f"{name}__in": part}).values_list("pk", flat=True)


def _parts(ids: set[UUID]) -> Iterator[set[UUID]]:
    ordered = sorted(ids)
    for start in range(0, len(ordered), BATCH):
        yield set(ordered[start : start + BATCH])


def _therapists(feeds: set[UUID]) -> set[UUID]:
    """The therapists that the sample feed made: they carry the mark."""
    told = SourceRecord.objects.filter(feed__in=feeds, entity=THERAPIST, row_id__isnull=False).values("row_id")
    return set(Therapist.objects.filter(pk__in=told, last_name__endswith=MARK).values_list("pk", flat=True))


def _remove_therapists(ids: set[UUID]) -> None:
    """Those of the made therapists whom nothing real names by now."""
    named = set(SourceRecord.objects.filter(row_id__in=ids).values_list("row_id", flat=True))
    for model in _models():
        for field in _keys(model, every=True):
            if field.related_model is Therapist:
                named |= set(model.objects.filter(**{f"{field.name}__in": ids}).values_list(field.attname, flat=True))
    Therapist.objects.filter(pk__in=ids - named).delete()
