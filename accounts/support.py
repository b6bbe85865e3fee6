"""Support access: an owner opens the practice to the platform's operators for a while (security.md section 2)."""

from datetime import datetime, timedelta

from django.db.models import QuerySet

from accounts import notify
from accounts.models import Membership, Practice, SupportGrant, User
from prm.tenancy import platform

HOURS = (1, 4, 24, 72)


def grant(practice: Practice, *, sees_as: str, hours: int, reason: str, by: User, now: datetime) -> SupportGrant:
    """Open the (current) practice to the operators for `hours` from `now`; they and the owners are told by mail."""
    given = SupportGrant.objects.create(
        sees_as=sees_as, reason=reason, granted_by=by, granted_at=now, until=now + timedelta(hours=hours)
    )
    owners = Membership.objects.filter(role=Membership.Role.OWNER, ended_at=None).select_related("user")
    told = {member.user for member in owners} | set(User.objects.filter(is_platform_operator=True, is_active=True))
    for person in told:
        notify.send(
            notify.Notice(
                kind="support_grant", email=person.email, name=person.name, language=person.language, practice=practice,
                dedupe_key=f"support_grant:{given.pk}:{person.pk}", facts={"until": given.until, "reason": reason},
            )
        )  # fmt: skip
    return given


def end(given: SupportGrant, *, by: User, now: datetime) -> bool:
    """Close the door again, for the next request already; False where it was closed."""
    return bool(SupportGrant.objects.filter(pk=given.pk, ended_at=None).update(ended_at=now, ended_by=by))


def live(now: datetime) -> QuerySet[SupportGrant]:
    """The current practice's grants that hold at `now`, the one that ends last first."""
    return SupportGrant.objects.filter(ended_at=None, until__gt=now).order_by("-until")


def open_to(operator: User, slug: str, *, now: datetime) -> Practice | None:
    """The practice of `slug` where this person is an operator and an owner's grant holds; else None."""
    if not operator.is_platform_operator:
        return None
    return Practice.objects.filter(slug=slug, pk__in=platform.practices_open_to_support(now)).first()


def member_for(operator: User, *, now: datetime) -> Membership | None:
    """The operator's eyes in the current practice: a membership that is stored nowhere; None where no grant holds."""
    given = live(now).first()
    if given is None:
        return None
    member = Membership(user=operator, role=given.sees_as, practice_id=given.practice_id)
    member.support_until = given.until  # type: ignore[attr-defined]
    member.clinic_ids = []  # type: ignore[attr-defined]  # of accounts.scope: all clinics
    return member
