"""Signing in: guesses are counted before they are checked, a password alone opens nothing, `finish` is the one seam."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import django_otp
from django.contrib import auth
from django.db import connection, transaction
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare
from django.utils.http import url_has_allowed_host_and_scheme
from django_otp.models import Device

from accounts import backends
from accounts.models import SignInAttempt, TotpDevice, User
from accounts.signin_audit import record_in_each
from prm import crypto

GUESSES = 10  # wrong ones an hour, per account and per address (security.md A2)
WINDOW = timedelta(hours=1)
KNOWN_FOR = timedelta(days=30)  # who signed in from an address within this is not stopped by others' guesses there
KEPT_FOR = timedelta(days=90)
PASSWORD_HOLDS = timedelta(minutes=10)  # from the right password to the code
IDLE = timedelta(minutes=15)
ABSOLUTE = timedelta(hours=12)
SEEN_EVERY = timedelta(seconds=10)  # how exactly idleness is kept; each write is a row of the session table

PENDING, SIGNED_IN_AT, SEEN_AT, FACTORS = "signin", "signed_in_at", "seen_at", "factors"

log = logging.getLogger(__name__)


class Locked(Exception):
    """Too many wrong guesses for this account or from this address; `until` is when the next one is heard."""

    def __init__(self, until: datetime) -> None:
        self.until = until
        super().__init__("too many guesses")


@dataclass(frozen=True, slots=True)
class Pending:
    """Who gave the right password and owes the second factor."""

    user: User
    next: str


def begin(email: str, address: str | None, step: str, *, now: datetime) -> SignInAttempt:
    """Record a guess, as failed, before it is checked. Locked where this account or address has had its guesses.

    Attempts of one account, and of one address, go through here one after the other (advisory locks), so that requests
    that race cannot guess more often. Unknown e-mails count as known ones do, and so tell nothing.
    """
    account = crypto.token_hash(User.objects.normalise(email))
    with transaction.atomic():
        with connection.cursor() as cursor:
            for name in [f"signin {account}", f"signin {address}"]:
                cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        until = _locked_until(account, address, now)
        if until is None:
            return SignInAttempt.objects.create(account=account, address=address, step=step, at=now)
    log.warning("signin.locked", extra={"kind": step, "due": until})
    raise Locked(until)


def passed(attempt: SignInAttempt) -> None:
    """The guess was right: it does not count."""
    SignInAttempt.objects.filter(pk=attempt.pk).update(passed=True)


def tries_left(attempt: SignInAttempt, *, now: datetime) -> int:
    """How many wrong guesses the account of `attempt` still has within the hour."""
    return max(0, GUESSES - _failures(now).filter(account=attempt.account).count())


def _locked_until(account: str, address: str | None, now: datetime) -> datetime | None:
    failures = _failures(now)
    ends = [_end(failures.filter(account=account))]
    if address is not None:
        here = SignInAttempt.objects.filter(address=address, passed=True, step=SignInAttempt.Step.CODE)
        known = here.filter(at__gt=now - KNOWN_FOR).values("account")
        if not known.filter(account=account).exists():
            ends.append(_end(failures.filter(address=address).exclude(account__in=known)))
    return max((end for end in ends if end), default=None)


def _failures(now: datetime):
    return SignInAttempt.objects.filter(passed=False, at__gt=now - WINDOW)


def _end(failures) -> datetime | None:  # noqa: ANN001 -- a queryset
    """When the oldest of the last GUESSES failures leaves the window; None while there are fewer."""
    moments = list(failures.order_by("-at").values_list("at", flat=True)[:GUESSES])
    return moments[-1] + WINDOW if len(moments) == GUESSES else None


def password_given(request: HttpRequest, user: User, *, next_path: str, now: datetime) -> None:
    """Remember, in a fresh session, that this person's password was right; still nobody is signed in."""
    request.session.cycle_key()
    request.session[PENDING] = {
        "user": str(user.pk), "hash": user.get_session_auth_hash(), "at": now.timestamp(), "next": next_path,
    }  # fmt: skip


def pending(request: HttpRequest, *, now: datetime) -> Pending | None:
    """Who owes the second factor in this session; None after ten minutes, or where the password changed meanwhile."""
    kept = request.session.get(PENDING)
    if not kept or now > _moment(kept["at"]) + PASSWORD_HOLDS:
        return None
    user = User.objects.filter(pk=kept["user"], is_active=True).first()
    if user is None or not constant_time_compare(kept["hash"], user.get_session_auth_hash()):
        return None
    return Pending(user, kept["next"])


def finish(request: HttpRequest, user: User, device: Device, *, factors: list[str], now: datetime) -> None:
    """Sign the user in: the one place that does, whatever proved who he is (passkeys and OIDC come through here too).

    `device` is the confirmed second factor, `factors` their names. The session gets a new key.
    """
    auth.login(request, user, backend=backends.PATH)
    django_otp.login(request, device)
    request.session.pop(PENDING, None)
    request.session.update({SIGNED_IN_AT: now.timestamp(), SEEN_AT: now.timestamp(), FACTORS: factors})
    SignInAttempt.objects.filter(at__lt=now - KEPT_FOR).delete()
    record_in_each("signin.done", request, user, now=now, factors=factors)
    log.info("signin.done", extra={"user_id": user.pk})


def end_if_stale(request: HttpRequest, *, now: datetime) -> bool:
    """Sign out whoever was idle for 15 minutes or is signed in for 12 hours; True where that happened.

    Kept by the server: a cookie that never expires does not help. A session without these times is ended, too.
    """
    session = request.session
    if auth.SESSION_KEY not in session:
        return False
    seen = _moment(session.get(SEEN_AT, 0))
    if now >= seen + IDLE or now >= _moment(session.get(SIGNED_IN_AT, 0)) + ABSOLUTE:
        auth.logout(request)
        return True
    if now >= seen + SEEN_EVERY and not request.path.endswith("/_pulse"):  # a page left open is not a person
        session[SEEN_AT] = now.timestamp()
    return False


def own_path(path: str | None) -> str:
    """`path` where it leads to a page of ours, else empty: no way out to another site after signing in."""
    allowed = path and path.startswith("/") and url_has_allowed_host_and_scheme(path, allowed_hosts=None)
    return path if allowed else ""  # type: ignore[return-value]


def confirmed_device(user: User) -> TotpDevice | None:
    """The person's authenticator app, or None where he has not set one up."""
    return TotpDevice.objects.filter(user=user, confirmed=True).order_by("pk").first()


def _moment(timestamp: float) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC)
