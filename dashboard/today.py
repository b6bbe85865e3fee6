"""The staff home: what needs me, who slips away, how this month goes, what left today, who comes next."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.db.models import Count, Prefetch, Q

from accounts.access import may
from accounts.models import Membership, Practice
from dashboard import inbox
from messaging.models import OutboxMessage
from nps.models import Response
from nps.score import Tally, from_distribution
from patients.models import Episode, Visit
from prm import clock

NEEDS_SHOWN, SLIPPING_SHOWN, VISITS_SHOWN = 8, 5, 6
COMING = (Visit.Status.BOOKED, Visit.Status.ARRIVED)
KEPT = (*COMING, Visit.Status.COMPLETED)


@dataclass(frozen=True, slots=True)
class SentToday:
    """Messages of the practice's day: left, waiting or not sent, and those whose fate is unknown."""

    sent: int
    held: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Today:
    """What the page shows; `tally` and `sent` are None where the member's role may not see them."""

    needs: list[inbox.Row]
    needs_all: int
    slipping: list[Episode]
    slipping_all: int
    tally: Tally | None
    sent: SentToday | None
    visits: list[Visit]
    visits_all: int
    first_visits: int


def today(practice: Practice, member: Membership, *, needs_all: int, now: datetime) -> Today:
    """The home page of one member at `now` (aware); the day and the month are the practice's.

    `needs_all`: how many items wait for him, which the side bar has counted already.
    """
    start = clock.local_moment(now.astimezone(practice.zone).date(), time(0), practice.zone)
    end = clock.local_moment(now.astimezone(practice.zone).date() + timedelta(days=1), time(0), practice.zone)
    items = inbox.visible_to(member).open().filter(Q(owner=member) | Q(owner=None))
    first = list(items.select_related("patient", "clinic", "owner__user").order_by("due_at", "id")[:NEEDS_SHOWN])
    slipping = Episode.objects.slipping().filter(patient__deceased_at=None, patient__merged_into=None)
    visits = Visit.objects.between(start, end)
    counted = visits.filter(status__in=KEPT).aggregate(
        all=Count("pk"), first=Count("pk", filter=Q(kind=Visit.Kind.EVALUATION))
    )
    return Today(
        needs=inbox.rows(first, inbox.cases_of(first), now=now),
        needs_all=needs_all,
        slipping=list(
            slipping.select_related("patient", "clinic")
            .prefetch_related(Prefetch("visits", Visit.objects.shown().order_by("starts_at")))
            .order_by("-last_visit_at", "id")[:SLIPPING_SHOWN]
        ),
        slipping_all=slipping.count(),
        tally=_month(practice, now) if may(member, "nps.report") else None,
        sent=_sent(start, now) if may(member, "outbox.view") else None,
        visits=list(
            visits.filter(starts_at__gte=now, status__in=COMING)
            .select_related("patient", "therapist", "episode")
            .order_by("starts_at", "id")[:VISITS_SHOWN]
        ),
        visits_all=counted["all"],
        first_visits=counted["first"],
    )


def _month(practice: Practice, now: datetime) -> Tally:
    """The answers of this month in the practice's zone, each patient's latest (nps.md section 5)."""
    first = clock.local_moment(now.astimezone(practice.zone).date().replace(day=1), time(0), practice.zone)
    latest = (
        Response.objects.counted()
        .filter(answered_at__gte=first, answered_at__lte=now)
        .order_by("patient_id", "-answered_at", "-id")
        .distinct("patient_id")
        .values_list("score", flat=True)
    )
    counts: dict[int, int] = {}
    for score in latest:
        counts[score] = counts.get(score, 0) + 1
    return from_distribution(counts)


def _sent(start: datetime, now: datetime) -> SentToday:
    state = OutboxMessage.State
    counted = OutboxMessage.objects.filter(state_at__gte=start, state_at__lte=now).aggregate(
        sent=Count("pk", filter=Q(state=state.SENT)),
        held=Count("pk", filter=Q(state__in=[state.HELD, state.SUPPRESSED])),
        unknown=Count("pk", filter=Q(state=state.UNKNOWN)),
    )
    return SentToday(**counted)
