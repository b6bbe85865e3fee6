"""Writing what a projection found: only rows that differ, one statement a table."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from integrations.models import SourceRecord
from patients import access, consent
from patients.models import Episode, EpisodeRegion, ExternalId, Patient, Visit
from prm.tenancy.models import DatabaseClock


@dataclass
class Changes:
    """Rows to write, and what the projection found out about closings and patients still unknown."""

    patients: dict[UUID, Patient] = field(default_factory=dict)
    episodes: dict[UUID, Episode] = field(default_factory=dict)
    visits: dict[UUID, Visit] = field(default_factory=dict)
    new: set[UUID] = field(default_factory=set)
    before: dict[UUID, tuple[Any, ...]] = field(default_factory=dict)  # of rows that exist: what the timeline compares
    records: dict[UUID, SourceRecord] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)  # key of a closing or episode to the reason code
    known: set[str] = field(default_factory=set)  # keys of patients that have a row
    addressed: list[Patient] = field(default_factory=list)
    ids: dict[UUID, set[tuple[str, str, str]]] = field(default_factory=dict)  # survivors': (feed, authority, value)
    regions: dict[UUID, list[str]] = field(default_factory=dict)  # of episodes


_PATIENT = (
    "first_name", "last_name", "suffix", "search_name", "test_name", "birth_date", "sex", "language", "email", "phone",
    "address", "deceased_at", "archived_at", "merged_into_id", "home_clinic_id",
)  # fmt: skip
_EPISODE = (
    "patient_id", "original_patient_id", "clinic_id", "therapist_id", "status", "hidden", "opened_at", "discharged_at",
    "discharge_reason", "payer_kind", "diagnosis_codes", "side", "post_surgical", "surgery_date", "planned_visits",
    "planned_per_week", "authorised_visits", "authorised_to", "referral_source", "referrer_name", "referrer_npi",
    "visit_count", "first_visit_at", "last_visit_at", "next_visit_at", "missed_count", "covered_until",
    "discharge_seq", "live_from", "reopened_at",
)  # fmt: skip
_VISIT = (
    "patient_id", "episode_id", "clinic_id", "therapist_id", "kind", "status", "hidden", "starts_at", "ends_at",
    "day_precision", "booked_at", "cancelled_at", "cancelled_by", "ordinal", "cpt_codes",
)  # fmt: skip
_COLUMNS = {Patient: _PATIENT, Episode: _EPISODE, Visit: _VISIT}
VISIT_EPISODE = _VISIT.index("episode_id")
_ADDRESSES = tuple(_PATIENT.index(name) for name in ("email", "phone"))


def values_of(row: Any) -> tuple[Any, ...]:
    """A row's facts in a form that can be compared."""
    return tuple(
        tuple(map(str, value)) if isinstance(value, list) else repr(value) if isinstance(value, dict) else value
        for value in (getattr(row, name) for name in _COLUMNS[type(row)])
    )


def write(changes: Changes, *, now: datetime) -> None:
    """Write the rows that are new or that differ from what they were, their ids and regions; consent on arrival."""
    written: tuple[tuple[Any, dict[UUID, Any]], ...] = (
        (Patient, changes.patients), (Episode, changes.episodes), (Visit, changes.visits),
    )  # fmt: skip
    for model, rows in written:
        dirty = [r for r in rows.values() if r.pk in changes.new or changes.before.get(r.pk) != values_of(r)]
        columns = _COLUMNS[model]
        if model is Patient:
            _end_links_to_old_addresses(changes, dirty, now=now)
        for row in dirty:
            if row.pk not in changes.new:
                row.changed_at = DatabaseClock()
        names = [name.removesuffix("_id") for name in columns]
        model.objects.bulk_create(
            dirty, update_conflicts=True, unique_fields=["id"], update_fields=[*names, "changed_at"], batch_size=1000
        )
    _write_ids(changes)
    _write_regions(changes)
    SourceRecord.objects.bulk_create(
        list(changes.records.values()), update_conflicts=True, unique_fields=["id"], update_fields=["row_id"]
    )
    consent.arrive(changes.addressed, now=now)


def _end_links_to_old_addresses(changes: Changes, dirty: list[Patient], *, now: datetime) -> None:
    """Whoever reads the mailbox or number that was the patient's must not come in with its links (security.md §2)."""
    moved = [
        patient.pk
        for patient in dirty
        if (before := changes.before.get(patient.pk)) is not None
        and any(before[at] and before[at] != values_of(patient)[at] for at in _ADDRESSES)
    ]
    if moved:
        access.address_changed(moved, now=now)


def _write_ids(changes: Changes) -> None:
    if not changes.ids:
        return
    known = {
        (one.source, one.kind, one.value): one for one in ExternalId.objects.filter(patient__in=list(changes.patients))
    }
    fresh, moved = [], []
    for pk, wanted in changes.ids.items():
        for source, kind, value in wanted:
            current = known.pop((source, kind, value), None)
            if current is None:
                fresh.append(ExternalId(patient_id=pk, source=source, kind=kind, value=value))
            elif current.patient_id != pk:
                current.patient_id = pk
                moved.append(current)
    if known:
        ExternalId.objects.filter(pk__in=[one.pk for one in known.values()]).delete()
    ExternalId.objects.bulk_create(fresh, ignore_conflicts=True)
    ExternalId.objects.bulk_create(moved, update_conflicts=True, unique_fields=["id"], update_fields=["patient"])


def _write_regions(changes: Changes) -> None:
    wanted = {(pk, region) for pk, regions in changes.regions.items() for region in regions}
    there = {
        (one.episode_id, one.region): one.pk for one in EpisodeRegion.objects.filter(episode__in=list(changes.episodes))
    }
    stale = [pk for pair, pk in there.items() if pair not in wanted]
    if stale:
        EpisodeRegion.objects.filter(pk__in=stale).delete()
    EpisodeRegion.objects.bulk_create(
        [EpisodeRegion(episode_id=pk, region=region) for pk, region in sorted(wanted - set(there))],
        ignore_conflicts=True,
    )
