"""Starting a practice by oneself: a request, a link to the address given, then the practice in one transaction.

The answer to a request is the same whether or not the address is known, and until the link is confirmed no row of a
practice exists: there is nothing half made to see, to clean up, or to take a name away.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.http import HttpRequest
from django.urls import reverse
from django.utils.text import slugify

from accounts import agreements, notify
from accounts.models import RESERVED_WORDS, Clinic, Membership, Practice, SignUp, User
from prm import crypto
from prm.audit.record import record
from prm.tenancy import use_practice

LASTS = timedelta(hours=24)
REQUESTS = 5  # an hour, per network address and per e-mail address
WINDOW = timedelta(hours=1)
KEPT_FOR = timedelta(days=30)
LONGEST_SLUG = 60


class TooMany(Exception):
    """This network address has had its requests; `until` is when the next one is heard."""

    def __init__(self, until: datetime) -> None:
        self.until = until
        super().__init__("too many sign-ups")


class Ended(Exception):
    """The link was used, or its time is over."""


@dataclass(frozen=True, slots=True)
class Started:
    """The practice that was made, and its owner; `new` where the owner had no password before."""

    practice: Practice
    owner: User
    new: bool


def request_sign_up(
    *, practice_name: str, time_zone: str, name: str, email: str, agreement_version: str, address: str | None,
    now: datetime,
) -> None:  # fmt: skip
    """Keep the request and mail its link. TooMany where `address` (of the network) has had five within the hour.

    An e-mail address that has had five gets no further mail, and the answer does not tell. Requests of one address go
    through here one after the other (advisory lock), so that those that race are counted.
    """
    email = User.objects.normalise(email)
    with transaction.atomic():
        _wait_for_turn(address, email)
        recent = SignUp.objects.filter(created_at__gt=now - WINDOW)
        here = list(recent.filter(address=address).order_by("-created_at").values_list("created_at", flat=True))
        if address is not None and len(here) >= REQUESTS:
            raise TooMany(here[REQUESTS - 1] + WINDOW)
        mailed = recent.filter(email=email).count() < REQUESTS
        token = secrets.token_urlsafe(32)
        signup = SignUp.objects.create(
            token_hash=crypto.token_hash(token), email=email, name=name, practice_name=practice_name,
            time_zone=time_zone, agreement_version=agreement_version, address=address, created_at=now,
            expires_at=now + LASTS,
        )  # fmt: skip
        SignUp.objects.filter(created_at__lt=now - KEPT_FOR).delete()
        if mailed:
            url = settings.SITE_URL + reverse("sign_up_confirm", args=[token])
            notify.send(
                notify.Notice(
                    "sign_up", email, name, "en", f"sign_up:{signup.pk}",
                    facts={"url": url, "expires": signup.expires_at},
                )
            )  # fmt: skip


def find(token: str, *, now: datetime) -> SignUp | None:
    """The request that a link belongs to, while it can be confirmed."""
    return SignUp.objects.filter(
        token_hash=crypto.token_hash(token), completed_at=None, expires_at__gt=now
    ).first()  # fmt: skip


def owner_of(signup: SignUp) -> User | None:
    """Whoever has this address and a way in already: he keeps his password and signs in with it."""
    user = User.objects.filter(email=signup.email, is_active=True).first()
    return user if user and user.has_usable_password() else None


def free_slug(name: str) -> str:
    """The word of the practice's addresses: from its name, else with the lowest number that makes it free."""
    base = slugify(name.replace("_", " "))[: LONGEST_SLUG - 4].strip("-_") or "practice"
    taken = set(Practice.objects.filter(slug__startswith=base).values_list("slug", flat=True)) | RESERVED_WORDS
    numbered = (f"{base}-{number}" for number in range(2, len(taken) + 3))
    return base if base not in taken else next(slug for slug in numbered if slug not in taken)


def complete(signup: SignUp, *, slug: str, password: str, now: datetime, request: HttpRequest | None = None) -> Started:
    """Make the practice, its first clinic, its owner and the agreement, all or nothing.

    `password` is set for somebody who has no way in yet, else ignored. Ended where the link was used meanwhile;
    ValidationError names `slug` where another practice has it by now.
    """
    with transaction.atomic():
        if not SignUp.objects.filter(pk=signup.pk, completed_at=None, expires_at__gt=now).update(completed_at=now):
            raise Ended
        owner, new = _owner(signup, password, now=now)
        practice = _practice(signup, slug, now=now)
        with use_practice(practice.pk):
            Clinic.objects.create(name=practice.name, time_zone=practice.time_zone)
            Membership.objects.create(user=owner, role=Membership.Role.OWNER)
            agreement = agreements.agree(
                signatory=signup.name, by=owner, now=signup.created_at, practice=practice,
                version=signup.agreement_version,
            )  # fmt: skip
            record("practice.created", now=now, request=request, object_id=owner.pk, by=owner.pk, how="sign_up")
            record(
                "agreement.signed", now=now, request=request, object_id=agreement.pk, by=owner.pk,
                version=agreement.version,
            )  # fmt: skip
    return Started(practice, owner, new)


def _practice(signup: SignUp, slug: str, *, now: datetime) -> Practice:
    practice = Practice(
        slug=slug, name=signup.practice_name, time_zone=signup.time_zone, languages=["en"], created_at=now
    )
    practice.full_clean()
    try:
        with transaction.atomic():
            practice.save()
    except IntegrityError:  # somebody took it between the check and the row
        raise ValidationError({"slug": "taken"}) from None
    return practice


def _owner(signup: SignUp, password: str, *, now: datetime) -> tuple[User, bool]:
    known = owner_of(signup)
    if known is not None:
        return known, False
    user = User.objects.filter(email=signup.email).first() or User(email=signup.email, created_at=now)
    user.name = signup.name
    user.set_password(password)
    user.full_clean(exclude=["password"], validate_unique=False)
    user.save()
    return user, True


def _wait_for_turn(address: str | None, email: str) -> None:
    with connection.cursor() as cursor:
        for name in sorted([f"sign_up {address}", f"sign_up {email}"]):
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
