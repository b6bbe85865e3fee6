"""Members of a practice: who may change whom, roles, leaving, coming back (daily.md §12)."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts import handover, notify, scope
from accounts.access import MANAGER, OWNER
from accounts.models import Clinic, Invitation, Membership, MembershipClinic, Practice, Therapist
from accounts.notify import Notice
from accounts.sessions import end_sessions

UNDO_WITHIN = timedelta(minutes=10)  # the toast shows for 10 s, longer while somebody reads it


class LastOwner(ValueError):
    """A practice without an owner could never be given one again."""


class TooLateToUndo(ValueError):
    """The member left too long ago; he comes back by an invitation."""


def clinics_of(member: Membership) -> set[UUID]:
    """The clinics that a member is limited to, as they are now or were read with him; empty means all."""
    if "clinics" in getattr(member, "_prefetched_objects_cache", ()):
        return {clinic.pk for clinic in member.clinics.all()}
    return set(MembershipClinic.objects.filter(membership=member).values_list("clinic", flat=True))


def roles_to_give(actor: Membership) -> list[str]:
    """The roles that this member may give: an owner all, a manager all but owner, nobody else any."""
    if actor.role == OWNER:
        return list(Membership.Role.values)
    return [role for role in Membership.Role.values if role != OWNER] if actor.role == MANAGER else []


def clinics_to_give(actor: Membership, member: Membership | None = None) -> QuerySet[Clinic]:
    """The clinics that this member may put somebody in: his own, or all where he is limited to none.

    Closed ones are not among them, but for those in which `member` works already: an edit must not take them silently.
    """
    given = scope.clinics_of(actor)
    kept = Q(closed_at=None) | Q(pk__in=clinics_of(member)) if member else Q(closed_at=None)
    return given.filter(kept).order_by("name", "pk")


def may_change(actor: Membership, member: Membership) -> bool:
    """Whether `actor` may change role, clinics, profile or stay of `member`.

    Nobody his own; only an owner an owner's; a manager of some clinics only members who work in no other.
    """
    if actor.pk == member.pk or member.role not in roles_to_give(actor):
        return False
    return within(actor, clinics_of(member))


def may_end_sessions(actor: Membership, member: Membership) -> bool:
    """Whether `actor` may see where `member` is signed in, and end that; as for his access, never an owner's by less.

    One's own have their page (My sign-in), where the session in use is told apart.
    """
    return member.ended_at is None and may_change(actor, member)


def within(actor: Membership, clinics: Collection[UUID]) -> bool:
    """Whether a limit to `clinics` (empty: all of them) lies within what the actor himself sees."""
    own = scope.of(actor).clinics
    return own is None or (bool(clinics) and set(clinics) <= own)


def seen(member: Membership) -> str:
    """What an editor saw of a member, to notice that somebody else changed it meanwhile."""
    return "|".join([member.role, str(member.therapist_id or ""), *_texts(clinics_of(member))])


def change(
    practice: Practice, member: Membership, *, role: str, clinics: Collection[Clinic], therapist: Therapist | None,
    now: datetime,
) -> dict[str, object]:  # fmt: skip
    """Give a member a role, clinics and a profile; returns what changed, as facts for the record (empty: nothing).

    A new role ends his sessions and is told him by mail; what he may no longer work on goes to the clinic's queue.
    LastOwner where nobody would own the practice.
    """
    owners = lock_owners()
    locked = Membership.objects.select_for_update().get(pk=member.pk)
    before, wanted = clinics_of(locked), {clinic.pk for clinic in clinics}
    if owners == {member.pk} and role != OWNER:
        raise LastOwner(str(member.pk))
    facts: dict[str, object] = {}
    if locked.role != role:
        facts |= {"old_role": locked.role, "new_role": role}
    if before != wanted:
        facts |= {"old_clinics": _texts(before), "new_clinics": _texts(wanted)}
    if locked.therapist_id != (therapist.pk if therapist else None):
        facts |= {"therapist": str(therapist.pk) if therapist else ""}
    member.role, member.therapist = role, therapist
    member.save(update_fields=["role", "therapist"])
    MembershipClinic.objects.filter(membership=member).exclude(clinic__in=wanted).delete()
    MembershipClinic.objects.bulk_create(
        MembershipClinic(membership=member, clinic=clinic) for clinic in clinics if clinic.pk not in before
    )
    if "new_role" in facts:
        end_sessions(member.user)
        _withdraw_invitations(member, now=now)
        _tell(practice, member, "role_changed", now=now, role=role)
    if facts:
        handover.hand_over(member, now=now)
    return facts


def leave(practice: Practice, member: Membership, *, cover: Membership | None, now: datetime) -> int:
    """End a membership and the person's sessions, at once; returns how much work moved.

    Open work goes to `cover`, else to the clinic's queue; so does being a clinic's recovery lead. The name stays
    wherever it stands. LastOwner where nobody would own the practice. Nothing where it has ended already.
    """
    if lock_owners() == {member.pk}:
        raise LastOwner(str(member.pk))
    if not Membership.objects.filter(pk=member.pk, ended_at=None).update(ended_at=now):
        return 0
    member.ended_at = now
    end_sessions(member.user)
    Clinic.objects.filter(recovery_lead=member).update(recovery_lead=cover)
    _withdraw_invitations(member, now=now)
    _tell(practice, member, "membership_ended", now=now)
    return handover.hand_over(member, now=now, to=cover)


def come_back(member: Membership, *, now: datetime) -> bool:
    """Undo of leaving, just after it. TooLateToUndo later; False where he is here. Work that moved stays moved."""
    if member.ended_at is None:
        return False
    if now - member.ended_at > UNDO_WITHIN:
        raise TooLateToUndo(str(member.pk))
    return bool(Membership.objects.filter(pk=member.pk, ended_at=member.ended_at).update(ended_at=None))


def lock_owners() -> set[UUID]:
    """The ids of the practice's owners, locked until the transaction ends: two owners cannot demote each other."""
    owners = Membership.objects.filter(role=OWNER, ended_at=None).order_by("pk").select_for_update()
    return set(owners.values_list("pk", flat=True))


def _withdraw_invitations(member: Membership, *, now: datetime) -> None:
    """What he has offered and could not offer any more works no more: nobody comes back by a door that he left open."""
    offered = Invitation.objects.filter(invited_by=member, state=Invitation.State.OPEN)
    if member.ended_at is None:
        offered = offered.exclude(role__in=roles_to_give(member))
    offered.update(state=Invitation.State.WITHDRAWN, settled_at=now)


def _tell(practice: Practice, member: Membership, kind: str, *, now: datetime, **facts: str) -> None:
    user = member.user
    notify.send(
        Notice(
            kind, user.email, user.name, user.language, f"{kind}:{member.pk}:{now.timestamp()}", practice, dict(facts)
        )
    )


def _texts(ids: Collection[UUID]) -> list[str]:
    return sorted(str(one) for one in ids)
