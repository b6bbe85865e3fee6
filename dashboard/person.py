"""What staff see of one person beside whatever they are working on: plan, scores, what may be sent."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Prefetch

from nps.models import Response
from patients import consent
from patients.models import Channel, Consent, Episode, Patient, Purpose, Visit, WorkItem
from patients.models.work import WorkItemQuerySet

SCORES = 4


@dataclass(frozen=True, slots=True)
class Allowance:
    """One channel: whether we may write by it, and since when or why not."""

    label: str
    granted: bool
    since: date | None


@dataclass(frozen=True, slots=True)
class Person:
    """One patient at a glance."""

    patient: Patient
    age: int | None
    episode: Episode | None
    next_visit: Visit | None
    scores: list[Response]
    allowances: list[Allowance]
    also_open: list[WorkItem]


def glance(patient: Patient, items: WorkItemQuerySet, *, now: datetime, but: WorkItem | None = None) -> Person:
    """The facts beside an item; `but` is the item itself, which is not listed as open. Five statements.

    `items`: those that the reader may see.
    """
    episode = (
        Episode.objects.shown()
        .filter(patient=patient)
        .select_related("clinic", "therapist")
        .prefetch_related(Prefetch("visits", Visit.objects.shown().select_related("therapist").order_by("starts_at")))
        .order_by("-opened_at", "-id")
        .first()
    )
    coming = (
        [v for v in episode.visits.all() if v.status == Visit.Status.BOOKED and v.starts_at > now] if episode else []
    )
    scores = list(Response.objects.counted().filter(patient=patient).order_by("-answered_at")[:SCORES])
    also = items.open().filter(patient=patient).order_by("due_at")
    return Person(
        patient=patient,
        age=patient.age_on(now.date()),
        episode=episode,
        next_visit=coming[0] if coming else None,
        scores=scores[::-1],
        allowances=allowances(patient),
        also_open=[item for item in also if but is None or item.pk != but.pk],
    )


def allowances(patient: Patient) -> list[Allowance]:
    """Whether care messages may go out, by channel that the patient has an address for; marketing apart."""
    newest = consent.current(patient)
    shown = []
    for channel, address in ((Channel.EMAIL, patient.email), (Channel.SMS, patient.phone)):
        row: Consent | None = newest.get((channel, Purpose.CARE))
        if address or row:
            shown.append(Allowance(f"{channel.label}, care", bool(row and row.granted), row.at.date() if row else None))
    return shown
