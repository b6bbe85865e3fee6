"""The staff home: what needs me, who slips away, how this month goes, what left today, who comes next."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.db.models import Count, Prefetch, Q, QuerySet
from django.db.models.functions import JSONObject
from django.http import HttpRequest

from accounts.access import may
from accounts.models import Membership, Practice
from dashboard import inbox
from dashboard import start as start_list
from dashboard.start_facts import facts_of
from messaging.models import OutboxMessage
from nps.models import Response
from nps.score import Tally, from_distribution
from patients.models import Episode, Visit
from prm import clock
from prm.ui import navigation

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
    set_up: start_list.Left | None  # None where nothing is left, or the role may not see it


def today(request: HttpRequest, *, now: datetime) -> Today:
    """The home page of the request's member at `now` (aware); the day and the month are the practice's.

    What it counts is asked in one statement with the side bar's figures.
    """
    practice: Practice = request.practice  # type: ignore[attr-defined]
    member: Membership = request.membership  # type: ignore[attr-defined]
    start = clock.local_moment(now.astimezone(practice.zone).date(), time(0), practice.zone)
    end = clock.local_moment(now.astimezone(practice.zone).date() + timedelta(days=1), time(0), practice.zone)
    first = inbox.ready_to_list(inbox.waiting(request)).order_by("due_at", "id")[:NEEDS_SHOWN]
    slipping = Episode.objects.slipping().filter(patient__deceased_at=None, patient__merged_into=None)
    slipping = slipping.visible_to(member)
    visits = Visit.objects.between(start, end).visible_to(member)
    parts = {
        "slipping": navigation.figure(slipping),
        "visits": navigation.figure(visits.filter(status__in=KEPT)),
        "first_visits": navigation.figure(visits.filter(status__in=KEPT, kind=Visit.Kind.EVALUATION)),
    }
    if may(member, "nps.report"):
        parts["scores"] = _month(practice, member, now)
    if may(member, "outbox.view"):
        parts["sent"] = _sent(member, start, now)
    sees_set_up = may(member, "start.view")
    found = facts_of(request, **parts) if sees_set_up else None
    counted = navigation.figures(request, **({} if sees_set_up else parts))
    return Today(
        needs=inbox.rows(first, now=now),
        needs_all=counted["inbox"],
        slipping=list(
            slipping.select_related("patient", "clinic")
            .prefetch_related(Prefetch("visits", Visit.objects.shown().order_by("starts_at")))
            .order_by("-last_visit_at", "id")[:SLIPPING_SHOWN]
        ),
        slipping_all=counted["slipping"],
        tally=_tally(counted["scores"]) if "scores" in parts else None,
        sent=SentToday(**counted["sent"]) if "sent" in parts else None,
        visits=list(
            visits.filter(starts_at__gte=now, status__in=COMING)
            .select_related("patient", "therapist", "episode")
            .order_by("starts_at", "id")[:VISITS_SHOWN]
        ),
        visits_all=counted["visits"],
        first_visits=counted["first_visits"],
        set_up=start_list.left(found) if found else None,
    )


def _month(practice: Practice, member: Membership, now: datetime) -> QuerySet:
    """The answers of this month in the practice's zone, each patient's latest (nps.md section 5)."""
    first = clock.local_moment(now.astimezone(practice.zone).date().replace(day=1), time(0), practice.zone)
    latest = (
        Response.objects.counted()
        .visible_to(member)
        .filter(answered_at__gte=first, answered_at__lte=now)
        .order_by("patient_id", "-answered_at", "-id")
        .distinct("patient_id")
    )
    scores = {str(score): Count("pk", filter=Q(score=score)) for score in range(11)}
    return navigation.summary(Response.objects.filter(pk__in=latest.values("pk")), JSONObject(**scores))


def _tally(scores: dict[str, int]) -> Tally:
    return from_distribution({int(score): many for score, many in scores.items()})


def _sent(member: Membership, start: datetime, now: datetime) -> QuerySet:
    state = OutboxMessage.State
    counts = JSONObject(
        sent=Count("pk", filter=Q(state=state.SENT)),
        held=Count("pk", filter=Q(state__in=[state.HELD, state.SUPPRESSED])),
        unknown=Count("pk", filter=Q(state=state.UNKNOWN)),
    )
    messages = OutboxMessage.objects.visible_to(member).filter(state_at__gte=start, state_at__lte=now)
    return navigation.summary(messages, counts)
