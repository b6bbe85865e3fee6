"""The facts of a patient as plain values without our row ids: what `manage.py facts` prints and checks compare."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any
from uuid import UUID

from accounts.models import Clinic, Therapist
from integrations.models import Feed
from patients.models import Episode, ExternalId, Patient, Visit

_PATIENT = (
    "first_name", "last_name", "suffix", "birth_date", "sex", "language", "email", "phone", "address", "test_name",
    "deceased_at", "archived_at",
)  # fmt: skip
_EPISODE = (
    "status", "hidden", "opened_at", "discharged_at", "discharge_reason", "discharge_seq", "payer_kind",
    "diagnosis_codes", "side", "post_surgical", "surgery_date", "planned_visits", "planned_per_week",
    "authorised_visits", "authorised_to", "referral_source", "referrer_name", "visit_count", "first_visit_at",
    "last_visit_at", "next_visit_at", "missed_count", "covered_until", "live_from",
)  # fmt: skip
_VISIT = (
    "starts_at", "ends_at", "day_precision", "status", "kind", "hidden", "booked_at", "cancelled_at", "cancelled_by",
    "ordinal", "cpt_codes",
)  # fmt: skip


def find(feed: Feed, external_id: str) -> Patient | None:
    """The patient whom a feed knows by an id, given as `authority|value` or as the value alone; the survivor's row."""
    kind, bar, value = external_id.partition("|")
    own = ExternalId.objects.filter(source=str(feed.pk))
    found = own.filter(kind=kind, value=value) if bar else own.filter(value=external_id)
    one = found.select_related("patient").order_by("kind").first()
    return one.patient if one else None


def of_patients(patients: Iterable[Patient]) -> dict[UUID, dict[str, Any]]:
    """The facts of several patients by row id. Six queries, however many."""
    rows = {row.pk: row for row in patients}
    clinics = dict(Clinic.objects.values_list("pk", "name"))
    therapists = {row.pk: str(row) for row in Therapist.objects.all()}
    ids: dict[UUID, list[str]] = defaultdict(list)
    for one in ExternalId.objects.filter(patient__in=rows):
        ids[one.patient_id].append(f"{one.kind}|{one.value}" if one.kind else one.value)
    found = {
        pk: {**_plain(row, _PATIENT), "ids": sorted(ids[pk]), "episodes": [], "visits": []} for pk, row in rows.items()
    }
    episodes = Episode.objects.filter(patient__in=rows).prefetch_related("regions")
    numbers: dict[UUID, int] = {}
    for episode in sorted(episodes, key=_episode_order):
        own = found[episode.patient_id]["episodes"]
        if episode.hidden and not episode.diagnosis_codes and not episode.visit_count:
            continue  # a derived episode whose visits belong to another one now
        numbers[episode.pk] = len(own) + 1
        own.append({
            **_plain(episode, _EPISODE), "number": len(own) + 1, "clinic": clinics.get(episode.clinic_id),
            "therapist": therapists.get(episode.therapist_id),
            "regions": sorted(one.region for one in episode.regions.all()),
        })  # fmt: skip
    for visit in sorted(Visit.objects.filter(patient__in=rows), key=lambda v: (v.starts_at, v.status, v.source_key)):
        if visit.hidden and visit.episode_id is None:
            continue  # joined with another record of the same visit
        found[visit.patient_id]["visits"].append({
            **_plain(visit, _VISIT), "episode": numbers.get(visit.episode_id) if visit.episode_id else None,
            "clinic": clinics.get(visit.clinic_id),
            "therapist": therapists.get(visit.therapist_id),
        })  # fmt: skip
    return found


def of_feed(feed: Feed) -> dict[UUID, dict[str, Any]]:
    """The facts of all patients whom a feed knows, merged ones left out."""
    known = ExternalId.objects.filter(source=str(feed.pk)).values("patient")
    return of_patients(Patient.objects.filter(pk__in=known, merged_into=None))


def _episode_order(row: Episode) -> tuple[str, str, str]:
    began = row.opened_at or row.covered_until or row.discharged_at
    return (began.isoformat() if began else "", row.status, ",".join(row.diagnosis_codes))


def _plain(row: Any, names: Iterable[str]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, (date, datetime)) else value
        for name in names
        for value in [getattr(row, name)]
    }
