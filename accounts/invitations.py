"""Asking people to join: one open invitation an address, a link that works once and for seven days."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.urls import reverse

from accounts import notify
from accounts.models import (
    Clinic,
    Invitation,
    InvitationClinic,
    Membership,
    MembershipClinic,
    Practice,
    Therapist,
    User,
)
from accounts.notify import Notice
from prm import crypto

LASTS = timedelta(days=7)
TOKEN_BYTES = 32  # 256 bits

State = Invitation.State


class AlreadyHere(ValueError):
    """The address belongs to a member of the practice."""


class AlreadyInvited(ValueError):
    """An invitation to the address is open: it can be sent again or withdrawn."""


class NotOpen(ValueError):
    """The invitation was withdrawn, has expired, or was used by somebody else."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a link leads to: the invitation, and whether it still works at that moment."""

    invitation: Invitation
    works: bool


def invite(
    practice: Practice, email: str, role: str, *, by: Membership, clinics: Collection[Clinic] = (),
    therapist: Therapist | None = None, now: datetime,
) -> Invitation:  # fmt: skip
    """Invite an address, and send the link. AlreadyHere, AlreadyInvited. In the practice's context."""
    email = User.objects.normalise(email)
    if Membership.objects.filter(user__email=email, ended_at=None).exists():
        raise AlreadyHere(email)
    token, invitation = _token(), Invitation(email=email, role=role, invited_by=by, therapist=therapist, created_at=now)
    invitation.token_hash, invitation.expires_at = crypto.token_hash(token), now + LASTS
    try:
        with transaction.atomic():
            invitation.save(force_insert=True)
    except IntegrityError:
        raise AlreadyInvited(email) from None
    InvitationClinic.objects.bulk_create(InvitationClinic(invitation=invitation, clinic=clinic) for clinic in clinics)
    _send(practice, invitation, token)
    return invitation


def renew(practice: Practice, invitation: Invitation, *, by: Membership, now: datetime) -> Invitation:
    """Send a new link for seven days more; the old one is dead. NotOpen where it was used or withdrawn."""
    token = _token()
    locked = Invitation.objects.select_for_update().get(pk=invitation.pk)
    if locked.state != State.OPEN:
        raise NotOpen(locked.state)
    locked.token_hash, locked.expires_at = crypto.token_hash(token), now + LASTS
    locked.sent, locked.invited_by = locked.sent + 1, by
    locked.save(update_fields=["token_hash", "expires_at", "sent", "invited_by"])
    _send(practice, locked, token)
    return locked


def withdraw(invitation: Invitation, *, now: datetime) -> bool:
    """The link works no more; False where there was nothing to withdraw."""
    open_one = Invitation.objects.filter(pk=invitation.pk, state=State.OPEN)
    return bool(open_one.update(state=State.WITHDRAWN, settled_at=now))


def find(token: str, *, now: datetime) -> Found | None:
    """What the token of a link leads to in the open practice; None for one that we never made, or have replaced."""
    found = (
        Invitation.objects.filter(token_hash=crypto.token_hash(token))
        .select_related("invited_by__user", "accepted_by__user")
        .first()
    )
    return Found(found, found.state == State.OPEN and now < found.expires_at) if found else None


def waiting_for(user: User, *, now: datetime) -> Invitation | None:
    """The invitation of the open practice that this person can accept at `now`."""
    return (
        Invitation.objects.filter(email=user.email, state=State.OPEN, expires_at__gt=now)
        .select_related("invited_by__user")
        .first()
    )


def open_ones() -> QuerySet[Invitation]:
    """Invitations that nobody has used or withdrawn, expired ones among them, newest first."""
    return (
        Invitation.objects.filter(state=State.OPEN)
        .select_related("invited_by__user", "therapist")
        .prefetch_related("clinics")
        .order_by("-created_at", "pk")
    )


def accept(invitation: Invitation, user: User, *, now: datetime) -> tuple[Membership, bool]:
    """The person joins, once: (membership, True), False for whoever races behind. NotOpen for anybody else or too late.

    Who was a member before comes back as what he is invited as now; who is one already stays what he is.
    """
    locked = Invitation.objects.select_for_update().get(pk=invitation.pk)
    if locked.accepted_by_id is not None:
        member = Membership.objects.get(pk=locked.accepted_by_id)
        if member.user_id == user.pk and member.ended_at is None:
            return member, False
        raise NotOpen("accepted")
    if locked.state != State.OPEN or locked.expires_at <= now or locked.email != user.email:
        raise NotOpen(locked.state)
    member = _join(locked, user)
    locked.state, locked.settled_at, locked.accepted_by = State.ACCEPTED, now, member
    locked.save(update_fields=["state", "settled_at", "accepted_by"])
    return member, True


def _join(invitation: Invitation, user: User) -> Membership:
    """Runs under the invitation's lock; the one membership a person and practice is the database's."""
    member, new = Membership.objects.select_for_update().get_or_create(
        user=user, defaults={"role": invitation.role, "therapist": _free(invitation.therapist)}
    )
    if not new and member.ended_at is None:
        return member
    if not new:
        member.role, member.ended_at, member.therapist = invitation.role, None, _free(invitation.therapist)
        member.save(update_fields=["role", "ended_at", "therapist"])
        MembershipClinic.objects.filter(membership=member).delete()
    MembershipClinic.objects.bulk_create(
        MembershipClinic(membership=member, clinic_id=link.clinic_id) for link in invitation.clinic_links.all()
    )
    return member


def _free(therapist: Therapist | None) -> Therapist | None:
    """The profile, where nobody has taken it since the invitation."""
    taken = therapist is not None and Membership.objects.filter(therapist=therapist, ended_at=None).exists()
    return None if taken else therapist


def _token() -> str:
    return secrets.token_urlsafe(TOKEN_BYTES)


def _send(practice: Practice, invitation: Invitation, token: str) -> None:
    known = User.objects.filter(email=invitation.email).first()
    inviter = invitation.invited_by.user
    path = reverse("invitation", args=[practice.public_id, token])
    facts = {
        "inviter": inviter.name, "role": invitation.role, "url": f"{settings.SITE_URL}{path}",
        "expires": invitation.expires_at,
    }  # fmt: skip
    notify.send(
        Notice(
            "invitation", invitation.email, known.name if known else "", known.language if known else inviter.language,
            f"invitation:{invitation.pk}:{invitation.sent}", practice, facts,
        )
    )  # fmt: skip
