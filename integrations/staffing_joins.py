"""Feeds' ids of therapists when staff join a placeholder with a profile, and when they part the two again."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts import joining
from integrations import apply, rows, sources
from integrations.facts import PATIENT, THERAPIST
from integrations.models import Feed, SourceRecord
from patients.models import Episode, Visit

SLICE = 500  # patients projected at once


def known_as(placeholder: UUID) -> list[str]:
    """“Harbor EMR: t42”: by which ids feeds name the therapist."""
    found = _records(placeholder).select_related("feed").order_by("feed__name", "key")
    return [f"{one.feed.name}: {one.key.partition('|')[2] or one.key}" for one in found]


def move(was: UUID, into: UUID) -> list[str]:
    """The feeds' ids of `was` name `into` from now on; waits for what is being applied."""
    apply.lock_facts()
    found = [str(pk) for pk in _records(was).values_list("pk", flat=True)]
    SourceRecord.objects.filter(pk__in=found).update(row_id=into)
    return found


def back(ids: list[str], was: UUID, into: UUID, now: datetime) -> None:
    """The ids name `was` again, and what feeds told of him meanwhile is his."""
    apply.lock_facts()
    records = SourceRecord.objects.filter(pk__in=ids, row_id=into)
    feeds = {one.feed_id.hex for one in records}
    records.update(row_id=was)
    patients = sorted(_patients(into, feeds))
    for start in range(0, len(patients), SLICE):
        rows.project(set(_keys(patients[start : start + SLICE])), now=now)


def _records(therapist: UUID) -> QuerySet[SourceRecord]:
    return SourceRecord.objects.filter(entity=THERAPIST, row_id=therapist)


def _patients(therapist: UUID, feeds: Iterable[str]) -> set[UUID]:
    """Of whom one of the feeds (hex of their ids) says that the therapist treats them."""
    told = Q(pk=None)
    for feed in feeds:
        told |= Q(source_key__startswith=f"{feed}:")
    return {
        patient
        for model in (Episode, Visit)
        for patient in model.objects.filter(told, therapist=therapist).values_list("patient", flat=True)
    }


def _keys(patients: Iterable[UUID]) -> Iterator[str]:
    feeds: dict[str, Feed] = sources.of_practice()
    for one in SourceRecord.objects.filter(entity=PATIENT, row_id__in=list(patients)):
        yield sources.global_key(feeds[one.feed_id.hex], one.key)


JOINING = joining.Part(known_as, move, back)
