"""Who is away, who covers, and to whom work goes meanwhile (daily.md §11).

Days are the practice's: an absence begins and ends at its midnights, whatever the clocks do that night.
"""

from collections.abc import Collection, Iterable
from datetime import date, datetime
from uuid import UUID

from django.db.models import QuerySet

from accounts.access import may
from accounts.models import Absence, Clinic, Membership, MembershipClinic, Practice
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


def plan(member: Membership, *, starts_on: date, ends_on: date, cover: Membership | None) -> Absence:
    """Write down that a member will be away. Overlaps where he is already on one of the days."""
    Membership.objects.select_for_update().get(pk=member.pk)  # two plans of one member go one after the other
    other = member.absences.filter(starts_on__lte=ends_on, ends_on__gte=starts_on).first()
    if other is not None:
        raise Overlaps(other)
    return Absence.objects.create(membership=member, starts_on=starts_on, ends_on=ends_on, cover=cover)


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
    own = set(MembershipClinic.objects.filter(membership=member).values_list("clinic", flat=True))
    return not own or set(clinics) <= own
