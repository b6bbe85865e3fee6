"""The record of who read and changed what, as the owner reads it: filtered, in words, with names."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.apps import apps
from django.db.models import Q, QuerySet

from accounts.models import Membership, User
from patients.models import Patient
from prm import clock, csv_cells
from prm.audit import sentences
from prm.audit.models import AuditEvent
from prm.ui import navigation, settings_pages

NEWEST_FIRST = ("-at", "-id")
MOST_EXPORTED = 50_000  # rows of one file
SHOWN_DAYS = 30  # without a date asked for, where a patient is: lists are searched row by row
KINDS = {"staff": "Staff", "support": "Platform support", "patient": "Patient", "key": "API key", "system": "System"}
HEAD = (
    "when (UTC)", "who", "kind", "what", "action", "patient", "patient id", "others named", "ids of others named",
    "object id", "address", "request id",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Filter:
    """What the URL asks for; everything empty means all. Days are the practice's, both included."""

    person: UUID | None = None
    support: bool = False
    patient: UUID | None = None
    group: str = ""
    begin: date | None = None
    end: date | None = None

    @property
    def is_set(self) -> bool:
        """Whether anything is narrowed."""
        return any((self.person, self.support, self.patient, self.group, self.begin, self.end))


@dataclass(frozen=True, slots=True)
class Row:
    """One event in words."""

    event: AuditEvent
    who: str
    kind: str
    words: str
    patient: Patient | None
    others: int


def events(asked: Filter, zone: ZoneInfo, *, now: datetime) -> QuerySet[AuditEvent]:
    """The events that the filter keeps, of the open practice."""
    found: QuerySet[AuditEvent] = AuditEvent.objects.all()
    begin = asked.begin
    if asked.patient and not begin:
        begin = now.astimezone(zone).date() - timedelta(days=SHOWN_DAYS)
    if begin:
        found = found.filter(at__gte=clock.local_moment(begin, time(0), zone))
    if asked.end:
        found = found.filter(at__lt=clock.local_moment(asked.end + timedelta(days=1), time(0), zone))
    if asked.person:
        found = found.filter(actor_id=asked.person)
    if asked.support:
        found = found.filter(actor_kind="support")
    if asked.patient:
        found = found.filter(Q(patient_id=asked.patient) | Q(patients__contains=[asked.patient]))
    if asked.group:
        found = found.filter(action__in=sentences.of_group(asked.group))
    return found


def rows(page: Sequence[AuditEvent], known: dict[UUID, str]) -> list[Row]:
    """The events with the names of who acted and whom it was about, in few statements. `known`: `people`."""
    actors = known | _actors(page, known)
    patients = Patient.objects.in_bulk(
        {one for event in page for one in (event.patient_id, event.actor_id if event.actor_kind == "patient" else None)
         if one}
    )  # fmt: skip
    return [
        Row(
            event,
            _who(event, actors, patients),
            KINDS.get(event.actor_kind, event.actor_kind),
            words_of(event),
            patients.get(event.patient_id) if event.patient_id else None,
            len(event.patients),
        )
        for event in page
    ]


def words_of(event: AuditEvent) -> str:
    """What somebody did; of support's looks which page it was, and whether it opened."""
    page = event.facts.get("page") if event.action == "support.page" else None
    if not page:
        return sentences.act(event.action).words
    label = navigation.label_of(page) or settings_pages.label_of(page) or page.replace("_", " ")
    did = "was refused" if event.facts.get("status", 200) >= 400 else "opened"
    return f"{did} the page “{label}” as the platform’s support"


def people() -> dict[UUID, str]:
    """Whoever works here or did, in order of the names."""
    return dict(Membership.objects.order_by("user__name").values_list("user_id", "user__name"))


def export(found: QuerySet[AuditEvent], known: dict[UUID, str]) -> str | None:
    """The events as CSV, newest first; None where there are more than MOST_EXPORTED."""
    chosen = list(found.order_by(*NEWEST_FIRST)[: MOST_EXPORTED + 1])
    if len(chosen) > MOST_EXPORTED:
        return None
    return csv_cells.document(HEAD, (_cells(row) for row in rows(chosen, known)))


def named_in(found: QuerySet[AuditEvent]) -> set[UUID]:
    """Whom the events are about, those whom they only list too."""
    rows = found.order_by().values_list("patient_id", "patients")
    return {one for patient_id, others in rows.iterator() for one in (patient_id, *others) if one}


def _cells(row: Row) -> Iterable[Any]:
    event = row.event
    return [
        event.at.isoformat(timespec="seconds"), row.who, row.kind, row.words, event.action,
        row.patient.full_name if row.patient else "", event.patient_id, row.others or "",
        " ".join(str(one) for one in event.patients), event.object_id, event.address, event.request_id,
    ]  # fmt: skip


def _actors(page: Sequence[AuditEvent], known: dict[UUID, str]) -> dict[UUID, str]:
    """Names of those who are no members: support, and API keys."""
    acting = {(event.actor_kind, event.actor_id) for event in page if event.actor_id and event.actor_id not in known}
    ids = {one for kind, one in acting if kind in {"staff", "support"}}
    keys = {one for kind, one in acting if kind == "key"}
    named = dict(User.objects.filter(pk__in=ids).values_list("pk", "name")) if ids else {}
    if keys:
        named |= {key.pk: key.name for key in apps.get_model("accounts.ApiKey").objects.filter(pk__in=keys)}
    return named


def _who(event: AuditEvent, actors: dict[UUID, str], patients: dict[UUID, Patient]) -> str:
    if event.actor_kind == "patient":
        found = patients.get(event.actor_id) if event.actor_id else None
        return found.full_name if found else "A patient"
    if event.actor_id in actors:
        return actors[event.actor_id]
    return "PRM" if event.actor_kind == "system" else "Somebody who is no more"
