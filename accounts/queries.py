"""Read queries of accounts that more than one page asks."""

from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, OuterRef

from accounts.models import Membership, MembershipClinic, Practice, User
from prm.tenancy import platform


def practices_of(user: User) -> list[Practice]:
    """The practices in which the user works now, by name, suspended ones too. Needs no practice to be open."""
    return list(Practice.objects.filter(pk__in=platform.practices_of(user.pk)).order_by("name", "pk"))


def membership_of(user_id: UUID | None) -> Membership | None:
    """The person's membership of the open practice, with user and all that `accounts.scope` asks, in one statement."""
    clinics = MembershipClinic.objects.filter(membership=OuterRef("pk")).values("clinic_id")
    return (
        Membership.objects.select_related("user")
        .annotate(clinic_ids=ArraySubquery(clinics), therapists_see=F("practice__therapists_see"))
        .filter(user=user_id, ended_at=None)
        .first()
    )
