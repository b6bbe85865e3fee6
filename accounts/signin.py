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

from accounts import backends, sign_in_record
from accounts.models import Practice, Session, SignInAttempt, User
from accounts.session_store import ADDRESS, AGENT, SEEN_AT, SIGNED_IN_AT
from prm import crypto
from prm.addresses import client_address

GUESSES = 10  # wrong ones an hour, per account and per address (security.md A2)
WINDOW = timedelta(hours=1)
KNOWN_FOR = timedelta(days=30)  # who signed in from an address within this is not stopped by others' guesses there
KEPT_FOR = timedelta(days=90)
PASSWORD_HOLDS = timedelta(minutes=10)  # from the right password to the code
IDLE_MINUTES = 15  # outside any practice; each practice has its own (Practice.idle_minutes)
ABSOLUTE = timedelta(hours=12)
SEEN_EVERY = timedelta(seconds=10)  # how exactly idleness is kept; each write is a row of the session table

RECHECK_HOLDS = timedelta(minutes=10)  # from the second factor to a change of how one signs in
AGENT_LENGTH = 300

PENDING, FACTORS, PROVED_AT, IDLE_AFTER = "signin", "factors", "proved_at", "idle_minutes"  # keys of the session

LAST_STEPS = (SignInAttempt.Step.CODE, SignInAttempt.Step.PASSKEY, SignInAttempt.Step.RECOVERY)

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
    recovery: str = ""  # id of the confirmed FactorRecovery whose link brought him: he sets up a new factor


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
        until = _locked_until(account, address, step, now)
        if until is None:
            return SignInAttempt.objects.create(account=account, address=address, step=step, at=now)
    log.warning("signin.locked", extra={"kind": step, "due": until})
    raise Locked(until)


def passed(attempt: SignInAttempt) -> None:
    """The guess was right: it does not count."""
    SignInAttempt.objects.filter(pk=attempt.pk).update(passed=True)


def failed(request: HttpRequest, attempt: SignInAttempt, user: User | None, *, now: datetime) -> int:
    """The guess was wrong: how many the account still has within the hour. The last one is told to his practices."""
    left = max(0, GUESSES - _failures(now, attempt.step).filter(account=attempt.account).count())
    if left == 0 and user is not None:
        sign_in_record.record_for(user, "signin.locked", now=now, request=request, step=attempt.step)
    return left


def _locked_until(account: str, address: str | None, step: str, now: datetime) -> datetime | None:
    failures = _failures(now, step)
    ends = [_end(failures.filter(account=account))]
    if address is not None:
        here = SignInAttempt.objects.filter(address=address, passed=True, step__in=LAST_STEPS)
        known = here.filter(at__gt=now - KNOWN_FOR).values("account")
        if not known.filter(account=account).exists():
            ends.append(_end(failures.filter(address=address).exclude(account__in=known)))
    return max((end for end in ends if end), default=None)


def _failures(now: datetime, step: str):
    """Wrong guesses of the hour at signing in; requests for a reset are counted among themselves."""
    recent = SignInAttempt.objects.filter(passed=False, at__gt=now - WINDOW)
    reset = SignInAttempt.Step.RESET
    return recent.filter(step=reset) if step == reset else recent.exclude(step=reset)


def _end(failures) -> datetime | None:  # noqa: ANN001 -- a queryset
    """When the oldest of the last GUESSES failures leaves the window; None while there are fewer."""
    moments = list(failures.order_by("-at").values_list("at", flat=True)[:GUESSES])
    return moments[-1] + WINDOW if len(moments) == GUESSES else None


def password_given(request: HttpRequest, user: User, *, next_path: str, now: datetime, recovery: str = "") -> None:
    """Remember, in a fresh session, that this person's password was right; still nobody is signed in."""
    request.session.cycle_key()
    request.session[PENDING] = {
        "user": str(user.pk), "hash": user.get_session_auth_hash(), "at": now.timestamp(), "next": next_path,
        "recovery": recovery,
    }  # fmt: skip


def pending(request: HttpRequest, *, now: datetime) -> Pending | None:
    """Who owes the second factor in this session; None after ten minutes, or where the password changed meanwhile."""
    kept = request.session.get(PENDING)
    if not kept or now > _moment(kept["at"]) + PASSWORD_HOLDS:
        return None
    user = User.objects.filter(pk=kept["user"], is_active=True).first()
    if user is None or not constant_time_compare(kept["hash"], user.get_session_auth_hash()):
        return None
    return Pending(user, kept["next"], kept.get("recovery", ""))


def finish(request: HttpRequest, user: User, device: Device, *, factors: list[str], now: datetime) -> None:
    """Sign the user in: the one place that does, whatever proved who he is (passkeys and OIDC come through here too).

    `device` is the confirmed second factor, `factors` their names. The session gets a new key.
    """
    auth.login(request, user, backend=backends.PATH)
    django_otp.login(request, device)
    request.session.pop(PENDING, None)
    moment = now.timestamp()
    request.session.update({
        SIGNED_IN_AT: moment, SEEN_AT: moment, PROVED_AT: moment, FACTORS: factors, ADDRESS: client_address(request),
        AGENT: request.headers.get("User-Agent", "")[:AGENT_LENGTH],
    })  # fmt: skip
    SignInAttempt.objects.filter(at__lt=now - KEPT_FOR).delete()
    Session.objects.filter(expire_date__lt=now).delete()
    sign_in_record.record_for(user, "signin.done", now=now, request=request, factors=factors)
    log.info("signin.done", extra={"user_id": user.pk})


def end_if_stale(request: HttpRequest, *, now: datetime) -> bool:
    """Sign out whoever was idle for too long or is signed in for 12 hours; True where that happened.

    Kept by the server: a cookie that never expires does not help. A session without these times is ended, too. How long
    is too long says the practice that was open last, then the one that the request opens (`keep_time_of`).
    """
    session = request.session
    if auth.SESSION_KEY not in session:
        return False
    seen = _moment(session.get(SEEN_AT, 0))
    idle = timedelta(minutes=session.get(IDLE_AFTER, IDLE_MINUTES))
    if now >= seen + idle or now >= _moment(session.get(SIGNED_IN_AT, 0)) + ABSOLUTE:
        auth.logout(request)
        return True
    request.idle_since = seen  # type: ignore[attr-defined]
    if now >= seen + SEEN_EVERY and not request.path.endswith(
        ("/_pulse", "/_kept")
    ):  # a page left open is not a person
        session[SEEN_AT] = now.timestamp()
    return False


def keep_time_of(request: HttpRequest, practice: Practice, *, now: datetime) -> bool:
    """Keep the time of the practice that opens; True where the person was idle for too long by its rule and is out.

    A practice that allows ten minutes is not entered by who sat idle for twenty in another one.
    """
    if now >= request.idle_since + timedelta(minutes=practice.idle_minutes):  # type: ignore[attr-defined]
        auth.logout(request)
        return True
    if request.session.get(IDLE_AFTER, IDLE_MINUTES) != practice.idle_minutes:
        request.session[IDLE_AFTER] = practice.idle_minutes
    return False


def proved(request: HttpRequest, *, now: datetime) -> None:
    """The signed-in person has just given a factor again (`accounts.recheck`)."""
    request.session[PROVED_AT] = now.timestamp()


def is_fresh(request: HttpRequest, *, now: datetime) -> bool:
    """True where a factor was given within the last ten minutes."""
    return now < _moment(request.session.get(PROVED_AT, 0)) + RECHECK_HOLDS


def own_path(path: str | None) -> str:
    """`path` where it leads to a page of ours, else empty: no way out to another site after signing in."""
    allowed = path and path.startswith("/") and url_has_allowed_host_and_scheme(path, allowed_hosts=None)
    return path if allowed else ""  # type: ignore[return-value]


def _moment(timestamp: float) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC)
