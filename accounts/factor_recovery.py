"""A lost second factor: after the password the person asks, a second one confirms, a mailed link sets up a new one.

Who confirms: an owner's request another owner, anybody else's an owner or a manager, of a practice in which the person
works; where no practice has such a second person, a platform operator. Nobody confirms his own.
"""

import secrets
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django_otp.models import Device

from accounts import factors, notify, sessions, sign_in_record
from accounts.models import FactorRecovery, Membership, Practice, User
from accounts.queries import practices_of
from prm import crypto
from prm.tenancy import use_practice

State = FactorRecovery.State
WAITS_FOR = timedelta(hours=72)  # then the request is asked anew
LINK_LASTS = timedelta(hours=1)


def ask(user: User, *, address: str | None, now: datetime) -> FactorRecovery:
    """Ask for a second person; the open request where there is one. Those who can confirm are written to, once."""
    close_old(now=now)
    with transaction.atomic():
        try:
            with transaction.atomic():
                asked = FactorRecovery.objects.create(user=user, asked_at=now, asked_from=address)
        except IntegrityError:  # asked twice
            return FactorRecovery.objects.get(user=user, state=State.ASKED)
        reached = sum(_tell_second_persons(asked, practice) for practice in practices_of(user))
        if not reached:
            _tell_operators(asked)
        sign_in_record.record_for(user, "factor.recovery_asked", now=now, request=None, by=user.pk)
    return asked


def latest(user: User, *, now: datetime) -> FactorRecovery | None:
    """The person's newest request that still says something to him: open, confirmed with a live link, or refused."""
    said = Q(state=State.ASKED, asked_at__gt=now - WAITS_FOR) | Q(state=State.CONFIRMED, link_until__gt=now)
    refused = Q(state=State.REFUSED, decided_at__gt=now - WAITS_FOR)
    return FactorRecovery.objects.filter(said | refused, user=user).order_by("-asked_at").first()


def to_decide(member: Membership, *, now: datetime) -> QuerySet[FactorRecovery]:
    """The open requests that this member may decide, in the practice that is open."""
    others = Membership.objects.filter(ended_at=None).exclude(user=member.user_id)
    if member.role == Membership.Role.MANAGER:
        others = others.exclude(role=Membership.Role.OWNER)
    elif member.role != Membership.Role.OWNER:
        others = others.none()
    open_ones = FactorRecovery.objects.filter(state=State.ASKED, asked_at__gt=now - WAITS_FOR)
    return open_ones.filter(user__in=others.values("user")).select_related("user").order_by("asked_at")


def for_operators(operator: User, *, now: datetime) -> list[FactorRecovery]:
    """The open requests that nobody in any of the person's practices may decide."""
    asked = FactorRecovery.objects.filter(state=State.ASKED, asked_at__gt=now - WAITS_FOR).exclude(user=operator)
    return [one for one in asked.select_related("user").order_by("asked_at") if not _has_second_person(one.user)]


def confirm(asked: FactorRecovery, *, by: User, now: datetime, request: HttpRequest) -> bool:
    """He is who he says: a link is mailed to him. False where somebody has decided before. The caller checked `by`."""
    token = secrets.token_urlsafe(32)
    until = now + LINK_LASTS
    with transaction.atomic():
        if not _decide(asked, State.CONFIRMED, by, now, link_hash=token_hash(token), link_until=until):
            return False
        url = settings.SITE_URL + reverse("signin_recover_link", args=[token])
        _tell(asked.user, "recovery_confirmed", f"confirmed {asked.pk}", {"by": by.name, "url": url, "expires": until})
        sign_in_record.record_for(asked.user, "factor.recovery_confirmed", now=now, request=request)
    return True


def refuse(asked: FactorRecovery, *, by: User, now: datetime, request: HttpRequest) -> bool:
    """It was not he, or not so: he is told by whom. False where somebody has decided before."""
    with transaction.atomic():
        if not _decide(asked, State.REFUSED, by, now):
            return False
        _tell(asked.user, "recovery_refused", f"refused {asked.pk}", {"by": by.name})
        sign_in_record.record_for(asked.user, "factor.recovery_refused", now=now, request=request)
    return True


def find(token: str, *, now: datetime) -> FactorRecovery | None:
    """The confirmed request whose link this is, while the link works; changes nothing."""
    return _live(now).select_related("user").filter(link_hash=token_hash(token)).first()


def is_live(recovery_id: str, user: User, *, now: datetime) -> bool:
    """True while the link that brought this person works."""
    return bool(recovery_id) and _live(now).filter(pk=UUID(recovery_id), user=user).exists()


def complete(recovery_id: str, user: User, device: Device, *, now: datetime, request: HttpRequest) -> bool:
    """The new factor stands: the link is spent, earlier factors and sessions end. False where it was spent before."""
    with transaction.atomic():
        if not _live(now).filter(pk=UUID(recovery_id), user=user).update(state=State.USED):
            return False
        # What else was asked or confirmed for him is answered by this.
        FactorRecovery.objects.filter(user=user, state=State.CONFIRMED).update(state=State.USED)
        FactorRecovery.objects.filter(user=user, state=State.ASKED).delete()
        factors.remove_all_but(user, device)
        sessions.end_sessions(user)
        sign_in_record.record_for(user, "factor.recovered", now=now, request=request, by=user.pk)
    return True


def close_old(*, now: datetime) -> None:
    """Remove requests that nobody decided in time: they may be asked anew."""
    FactorRecovery.objects.filter(state=State.ASKED, asked_at__lte=now - WAITS_FOR).delete()


def _live(now: datetime) -> QuerySet[FactorRecovery]:
    return FactorRecovery.objects.filter(state=State.CONFIRMED, link_until__gt=now, user__is_active=True)


def _decide(asked: FactorRecovery, state: str, by: User, now: datetime, **link: object) -> bool:
    """One UPDATE with the old state in its condition; nobody decides about himself (the table refuses it as well)."""
    undecided = FactorRecovery.objects.filter(pk=asked.pk, state=State.ASKED).exclude(user=by)
    return bool(undecided.update(state=state, decided_by=by, decided_at=now, **link))


def _second_persons(user: User) -> QuerySet[Membership]:
    """Who may decide about `user` in the practice that is open."""
    own = Membership.objects.filter(user=user, ended_at=None).first()
    is_owner = own is not None and own.role == Membership.Role.OWNER
    roles = [Membership.Role.OWNER] if is_owner else [Membership.Role.OWNER, Membership.Role.MANAGER]
    members = Membership.objects.filter(role__in=roles, ended_at=None, user__is_active=True)
    return members.exclude(user=user).select_related("user")


def _has_second_person(user: User) -> bool:
    for practice in practices_of(user):
        with use_practice(practice.pk):
            if _second_persons(user).exists():
                return True
    return False


def _tell_second_persons(asked: FactorRecovery, practice: Practice) -> int:
    url = settings.SITE_URL + reverse("factor_recovery", args=[practice.slug, asked.pk])
    with use_practice(practice.pk):
        members = list(_second_persons(asked.user))
        for member in members:
            _tell(
                member.user, "recovery_requested", f"asked {asked.pk} {member.pk}",
                {"who": asked.user.name, "url": url}, practice,
            )  # fmt: skip
    return len(members)


def _tell_operators(asked: FactorRecovery) -> None:
    url = settings.SITE_URL + reverse("platform_recovery", args=[asked.pk])
    for operator in User.objects.filter(is_platform_operator=True, is_active=True).exclude(pk=asked.user_id):
        facts = {"who": asked.user.name, "url": url}
        _tell(operator, "recovery_requested", f"asked {asked.pk} {operator.pk}", facts)


def _tell(user: User, kind: str, key: str, facts: dict[str, Any], practice: Practice | None = None) -> None:
    notify.send(notify.Notice(kind, user.email, user.name, user.language, key, practice, facts))


def token_hash(token: str) -> str:
    """What is stored of a mailed token."""
    return crypto.token_hash(f"factor {token}")
