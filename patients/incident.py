"""An incident: whose data was read, by whom, from where, and by when they must be told (45 CFR 164.400-414)."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet

from patients.models import Patient
from prm import csv_cells
from prm.audit import sentences
from prm.audit.models import AuditEvent

# 45 CFR 164.404(b): without unreasonable delay, in no case later than 60 calendar days after discovery. 164.406 and
# 164.408: from 500 patients on, the Secretary at the same time, and the media of a state with more than 500 of them;
# below that the Secretary within 60 days of the end of the calendar year.
DAYS_TO_TELL = 60
TELL_MEDIA_FROM = 500
CHUNK = 2_000
REPORTS = ("incident.reported",)
ADDRESS = ("line", "line2", "city", "state", "postal_code", "country")
HEAD = (
    "patient id",
    "name",
    "birth date",
    "language",
    "e-mail",
    "phone",
    "address",
    "deceased",
    "events",
    "first",
    "last",
)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which events are meant: from `begin` to before `end` (aware), of a person, an API key or an address, or all."""

    begin: datetime
    end: datetime
    actor: UUID | None = None
    key: UUID | None = None
    address: str = ""

    def events(self) -> QuerySet[AuditEvent]:
        """The events, in no order, of the open practice; not the reports of incidents, which name whom they found.

        What patients did themselves counts where a person or an address is asked about: somebody else may have had a
        patient's link. Without either it would tell every patient who opened her own page of a breach.
        """
        found = AuditEvent.objects.filter(at__gte=self.begin, at__lt=self.end).exclude(action__in=REPORTS)
        if not self.actor and not self.address:
            found = found.exclude(actor_kind="patient")
        if self.actor:
            found = found.filter(actor_id=self.actor).exclude(actor_kind="key")
        if self.key:
            found = found.filter(actor_kind="key", actor_id=self.key)
        return found.filter(address=self.address) if self.address else found


@dataclass
class Touched:
    """One patient: how many events named him, the first and the last of them."""

    events: int
    first: datetime
    last: datetime


@dataclass
class Incident:
    """What the record says: patients whose data was read or changed, acts by code, acts that name no patient."""

    patients: dict[UUID, Touched] = field(default_factory=dict)
    actions: Counter[str] = field(default_factory=Counter)
    unnamed: int = 0

    def lines(self, *, discovered: date) -> Iterator[str]:
        """The report in words, without a person's data."""
        yield f"Patients whose data was read or changed: {len(self.patients)}"
        for action, count in self.actions.most_common():
            yield f"  {count} × {sentences.act(action).words} ({action})"
        if self.unnamed:
            yield f"{self.unnamed} acts name no patient, such as raw messages: look at them in the audit record."
        yield f"Tell the patients without unreasonable delay, at the latest on {tell_by(discovered)} (45 CFR 164.404)."
        if len(self.patients) >= TELL_MEDIA_FROM:
            yield (
                f"{TELL_MEDIA_FROM} patients or more: tell the Secretary of HHS by the same day (164.408), "
                "and the media of each state with more than 500 of them (164.406)."
            )
        else:
            last = date(discovered.year, 12, 31) + timedelta(days=DAYS_TO_TELL)
            yield f"Fewer than {TELL_MEDIA_FROM} patients: tell the Secretary of HHS by {last} (164.408)."


def tell_by(discovered: date) -> date:
    """The last day on which the patients may be told."""
    return discovered + timedelta(days=DAYS_TO_TELL)


def report(scope: Scope) -> Incident:
    """Read the record, in chunks."""
    made = Incident()
    for event in _events(scope):
        named = {one for one in (event.patient_id, *event.patients) if one}
        made.actions[event.action] += 1
        made.unnamed += not named
        for patient_id in named:
            touched = made.patients.setdefault(patient_id, Touched(0, event.at, event.at))
            touched.events += 1
            touched.first, touched.last = min(touched.first, event.at), max(touched.last, event.at)
    return made


def contacts(incident: Incident) -> str:
    """The contact list as CSV, by name; a patient who was erased since is there by his id."""
    found = Patient.objects.in_bulk(list(incident.patients))
    order = sorted(incident.patients, key=lambda one: (found[one].search_name if one in found else "\uffff", one))
    return csv_cells.document(HEAD, (_cells(one, found.get(one), incident.patients[one]) for one in order))


def _cells(patient_id: UUID, patient: Patient | None, touched: Touched) -> Iterable[object]:
    who: list[object] = ["(no longer kept)", "", "", "", "", "", ""]
    if patient is not None:
        who = [
            patient.full_name, patient.birth_date, patient.language, patient.email, patient.phone,
            ", ".join(str(patient.address[part]) for part in ADDRESS if patient.address.get(part)),
            "yes" if patient.deceased_at else "",
        ]  # fmt: skip
    return [patient_id, *who, touched.events, *(f"{at:%Y-%m-%d %H:%M} UTC" for at in (touched.first, touched.last))]


def _events(scope: Scope) -> Iterator[AuditEvent]:
    rows = scope.events().order_by("at", "id").only("id", "at", "action", "patient_id", "patients")
    found = list(rows[:CHUNK])
    while found:
        yield from found
        last = found[-1]
        beyond = Q(at__gt=last.at) | Q(at=last.at, id__gt=last.pk)
        found = list(rows.filter(beyond, at__gte=last.at)[:CHUNK]) if len(found) == CHUNK else []
