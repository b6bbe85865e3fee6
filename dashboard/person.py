"""What staff see of one person beside whatever they are working on: plan, scores, what may be sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.contrib.postgres.aggregates import JSONBAgg
from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import JSONObject

from accounts.models import Therapist
from nps.models import Response
from patients.models import Channel, Consent, Episode, Patient, Purpose, Visit, WorkItem
from patients.models.work import WorkItemQuerySet
from prm.ui import navigation, rail

SCORES = 4
CHANNELS = ((Channel.EMAIL, "email"), (Channel.SMS, "phone"))  # with the patient's field for its address


@dataclass(frozen=True, slots=True)
class Allowance:
    """One channel: whether we may write by it, and since when or why not."""

    label: str
    granted: bool
    since: date | None


@dataclass(frozen=True, slots=True)
class NextVisit:
    """The next booked visit; `therapist` has no more than a name."""

    starts_at: datetime
    therapist: Therapist | None


@dataclass(frozen=True, slots=True)
class AlsoOpen:
    """Another item that waits for the same person."""

    pk: UUID
    kind: str


@dataclass(frozen=True, slots=True)
class Person:
    """One patient at a glance."""

    patient: Patient
    age: int | None
    episode: Episode | None
    rail: rail.Rail | None
    next_visit: NextVisit | None
    scores: list[int]
    allowances: list[Allowance]
    also_open: list[AlsoOpen]


def figures_of(patient: Patient, items: WorkItemQuerySet) -> dict[str, QuerySet[Any]]:
    """What `navigation.figures` is to ask in the side bar's statement, for `glance`.

    `items`: those that the reader may see.
    """
    newest = Response.objects.counted().filter(patient=patient).order_by("-answered_at").values("pk")[:SCORES]
    consents = Consent.objects.filter(patient=patient, purpose=Purpose.CARE, topic="")
    stated = JSONObject(channel="channel", granted="granted", at="at")
    return {
        "scores": navigation.summary(
            Response.objects.filter(pk__in=newest), JSONBAgg("score", order_by=("answered_at", "pk"))
        ),
        "consents": navigation.summary(consents, JSONBAgg(stated, order_by=("at", "id"))),
        "also_open": navigation.summary(
            items.open().filter(patient=patient), JSONBAgg(JSONObject(pk="pk", kind="kind"), order_by=("due_at", "pk"))
        ),
    }


def glance(patient: Patient, figures: Mapping[str, Any], *, now: datetime, but: WorkItem | None = None) -> Person:
    """The facts beside an item, from the answers to `figures_of` and one statement.

    `but` is the item itself, which is not listed as open.
    """
    episode = (
        Episode.objects.shown()
        .filter(patient=patient)
        .select_related("clinic", "therapist")
        .annotate(course=Subquery(_course()))
        .order_by("-opened_at", "-id")
        .first()
    )
    course = (episode.course or []) if episode else []
    also = [AlsoOpen(UUID(one["pk"]), one["kind"]) for one in figures["also_open"] or ()]  # null where there is none
    return Person(
        patient=patient,
        age=patient.age_on(now.date()),
        episode=episode,
        rail=rail.marks(episode.planned_visits, [visit["status"] for visit in course]) if episode else None,
        next_visit=_next(course, now=now),
        scores=list(figures["scores"] or ()),
        allowances=allowances(patient, figures["consents"] or ()),
        also_open=[one for one in also if but is None or one.pk != but.pk],
    )


def _course() -> QuerySet[Any]:
    """The visits of an episode, oldest first, as one value: what the rail and the next visit want of them."""
    visit = JSONObject(
        status="status", starts_at="starts_at", first_name="therapist__first_name", last_name="therapist__last_name"
    )
    of_episode = Visit.objects.shown().filter(episode=OuterRef("pk")).order_by().values("episode")
    return of_episode.annotate(course=JSONBAgg(visit, order_by=("starts_at", "pk"))).values("course")


def _next(course: Sequence[Mapping[str, Any]], *, now: datetime) -> NextVisit | None:
    for visit in course:
        starts_at = datetime.fromisoformat(visit["starts_at"])
        if visit["status"] == Visit.Status.BOOKED and starts_at > now:
            with_whom = visit["last_name"] is not None  # names are never null where there is a therapist
            names = {"first_name": visit["first_name"], "last_name": visit["last_name"]}
            return NextVisit(starts_at, Therapist(**names) if with_whom else None)
    return None


def allowances(patient: Patient, consents: Sequence[Mapping[str, Any]]) -> list[Allowance]:
    """Whether care messages may go out, by channel that the patient has an address for or said something about.

    `consents`: the ledger's rows on care without topic, oldest first; the newest of a channel holds.
    """
    newest = {row["channel"]: row for row in consents}
    shown = []
    for channel, field in CHANNELS:
        row = newest.get(channel)
        if getattr(patient, field) or row:
            since = datetime.fromisoformat(row["at"]).date() if row else None
            shown.append(Allowance(f"{channel.label}, care", bool(row and row["granted"]), since))
    return shown
