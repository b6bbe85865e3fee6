"""Who is away, who covers, and to whom work goes meanwhile (daily.md §11).

Days are the practice's: an absence begins and ends at its midnights, whatever the clocks do that night.
"""

from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db.models import QuerySet

from accounts import scope
from accounts.access import may
from accounts.models import Absence, Clinic, Membership, Practice
from prm.tenancy.context import current_practice_id

WORKS = "inbox.work"  # whoever may not do this owns no work


class Overlaps(ValueError):
    """The member is away already on one of these days; `other` is that absence."""

    def __init__(self, other: Absence) -> None:
        self.other = other
        super().__init__(f"absence {other.pk}")


def cover_for(member: Membership | None, at: datetime, *, clinic: Clinic | None = None) -> Membership | None:
    """Who gets at `at` (aware) what this member would own: himself while he is here, else his cover; None: the queue.

    A cover who is away passes on to his own; a circle of covers, one who has left, whose role does not work on items,
    or who does not see the item's `clinic`, end at the queue. Inside the practice's context.
    """
    if member is None:
        return None
    away = _covers(today(at))
    seen: set[UUID] = set()
    current: Membership | None = member
    while current is not None and current.pk in away:
        seen.add(current.pk)
        current = away[current.pk]
        if current is not None and current.pk in seen:
            return None
    return current if current is not None and _can_own(current, clinic) else None


def today(at: datetime) -> date:
    """The practice's date at `at` (aware)."""
    practice = Practice.objects.only("time_zone").get(pk=current_practice_id())
    return at.astimezone(practice.zone).date()


def away_on(day: date) -> QuerySet[Absence]:
    """The absences that hold on a day."""
    return Absence.objects.filter(starts_on__lte=day, ends_on__gte=day)


def current_of(members: Iterable[Membership], at: datetime) -> dict[UUID, Absence]:
    """The absence of each member who is away at `at` (aware), by the member's id, its cover with it."""
    ids = [member.pk for member in members]
    found = away_on(today(at)).filter(membership__in=ids).select_related("cover__user")
    return {absence.membership_id: absence for absence in found}


def coming(member: Membership, at: datetime) -> QuerySet[Absence]:
    """The absences of a member that are not over, the next first, with their covers."""
    found = Absence.objects.filter(membership=member, ends_on__gte=today(at))
    return found.select_related("cover__user").order_by("starts_on")


def plan(member: Membership, *, starts_on: date, ends_on: date, cover: Membership | None) -> Absence:
    """Write down that a member will be away. Overlaps where he is already on one of the days."""
    Membership.objects.select_for_update().get(pk=member.pk)  # two plans of one member go one after the other
    other = member.absences.filter(starts_on__lte=ends_on, ends_on__gte=starts_on).first()
    if other is not None:
        raise Overlaps(other)
    return Absence.objects.create(membership=member, starts_on=starts_on, ends_on=ends_on, cover=cover)


def end(found: Absence, *, now: datetime) -> None:
    """The member is here from today on: what has not begun is forgotten, what has ends yesterday."""
    day = today(now)
    if found.starts_on >= day:
        found.delete()
    elif found.ends_on >= day:
        Absence.objects.filter(pk=found.pk).update(ends_on=day - timedelta(days=1))


def possible_covers(member: Membership) -> QuerySet[Membership]:
    """Colleagues who may stand in: here, of a role that works on items."""
    roles = [role for role in Membership.Role.values if may(Membership(role=role), WORKS)]
    return (
        Membership.objects.filter(ended_at=None, role__in=roles)
        .exclude(pk=member.pk)
        .select_related("user")
        .order_by("user__name", "pk")
    )


def _covers(day: date) -> dict[UUID, Membership | None]:
    return {absence.membership_id: absence.cover for absence in away_on(day).select_related("cover")}


def _can_own(member: Membership, clinic: Clinic | None) -> bool:
    return member.ended_at is None and may(member, WORKS) and (clinic is None or sees(member, [clinic.pk]))


def sees(member: Membership, clinics: Collection[UUID]) -> bool:
    """Whether the member works in all of these clinics; a member without clinics works in each."""
    own = scope.of(member).clinics
    return own is None or set(clinics) <= own
