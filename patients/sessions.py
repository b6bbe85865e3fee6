"""Devices on which a patient is signed in: kept by the server, found by the cookie's token (security.md §2).

Idle 20 minutes, 8 hours at most. On the patient's own phone the device stays known for 30 days: after 20 idle minutes
or 8 hours it asks for a part of the birth date (`patients.signin.again`) instead of a new link.
"""

import re
from datetime import datetime, timedelta

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest

from accounts.models import Practice
from patients import access
from patients.models import Patient, PortalLink, PortalSession
from prm import crypto

IDLE = timedelta(minutes=20)
ABSOLUTE = timedelta(hours=8)
OWN_DEVICE = timedelta(days=30)
COOKIE_OF_OWN_DEVICE = timedelta(days=365)  # beyond the session: the phone still knows which practice sends a new link
SEEN_EVERY = timedelta(seconds=10)  # how exactly idleness is kept; each write is a row

COOKIE = "prm_portal"  # “<public id of the practice>.<token>”: the practice is opened before the token is looked up
_COOKIE_VALUE = re.compile(r"([a-z2-7]{10})\.([A-Za-z0-9_-]{43})")
_SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("Mac OS", "Mac"),
    ("CrOS", "Chromebook"), ("Linux", "Linux"),
)  # fmt: skip
_BROWSERS = (
    ("Edg", "Edge"), ("SamsungBrowser", "Samsung Internet"), ("Firefox", "Firefox"), ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"), ("Chrome", "Chrome"), ("Safari", "Safari"),
)  # fmt: skip


def start(patient: Patient, *, own_device: bool, device: str, now: datetime) -> tuple[PortalSession, str]:
    """A new session: its row and its token, of which only the HMAC is kept."""
    token = access.new_token()
    session = PortalSession.objects.create(
        patient=patient, token_hash=crypto.token_hash(token), device=device, own_device=own_device,
        started_at=now, checked_at=now, seen_at=now, expires_at=now + (OWN_DEVICE if own_device else ABSOLUTE),
    )  # fmt: skip
    return session, token


def cookie_of(practice: Practice, token: str) -> str:
    """The cookie's value."""
    return f"{practice.public_id}.{token}"


def read_cookie(request: HttpRequest) -> tuple[str, str] | None:
    """(public id of the practice, token) of the request's cookie; None where there is none of our shape."""
    found = _COOKIE_VALUE.fullmatch(request.COOKIES.get(COOKIE, ""))
    return (found[1], found[2]) if found else None


def of_request(request: HttpRequest, *, now: datetime) -> PortalSession | None:
    """The request's session in the practice that is open, as `find`; None where its cookie is of another practice."""
    practice, cookie = getattr(request, "practice", None), read_cookie(request)
    if practice is None or cookie is None or cookie[0] != practice.public_id:
        return None
    return find(cookie[1], now=now)


def find(token: str, *, now: datetime) -> PortalSession | None:
    """The session of a token, active or to be checked again; None for an unknown, ended or expired one.

    Where the patient was merged away, archived or has died, it ends here and now (he gets a new link, if any).
    """
    session = (
        PortalSession.objects.select_related("patient__home_clinic").filter(token_hash=crypto.token_hash(token)).first()
    )
    if session is None or session.ended_at is not None or not (active(session, now=now) or _known(session, now=now)):
        return None
    if not access.living(session.patient):
        end(session, PortalSession.Ended.NOT_LIVING, now=now)
        return None
    return session


def active(session: PortalSession, *, now: datetime) -> bool:
    """True while the patient need not prove anything again."""
    return now < ends_at(session)


def ends_at(session: PortalSession) -> datetime:
    """Until when the patient need not prove anything again, if nothing more is tapped."""
    return min(session.seen_at + IDLE, session.checked_at + ABSOLUTE, session.expires_at)


def _known(session: PortalSession, *, now: datetime) -> bool:
    """Whether a part of the birth date is enough."""
    return session.own_device and now < session.expires_at


def seen(session: PortalSession, *, now: datetime) -> None:
    """The patient did something: the idle time starts anew."""
    if now >= session.seen_at + SEEN_EVERY:
        PortalSession.objects.filter(pk=session.pk, ended_at=None).update(seen_at=now)
        session.seen_at = now


def checked(session: PortalSession, *, now: datetime) -> None:
    """The re-check was right: eight hours start anew, the device's thirty days do not."""
    PortalSession.objects.filter(pk=session.pk, ended_at=None).update(checked_at=now, seen_at=now, wrong_tries=0)


def end(session: PortalSession, why: str, *, now: datetime) -> bool:
    """End one session; False where it had ended before, whose reason stays."""
    return bool(PortalSession.objects.filter(pk=session.pk, ended_at=None).update(ended_at=now, ended_why=why))


def end_all(patient: Patient, why: str, *, now: datetime) -> int:
    """End every session of a patient; returns how many devices that were live."""
    live = devices(patient, now=now)
    return live.update(ended_at=now, ended_why=why)


def devices(patient: Patient, *, now: datetime) -> QuerySet[PortalSession]:
    """The patient's devices that are signed in or known, the last used first."""
    return PortalSession.objects.filter(_current(now), patient=patient).order_by("-seen_at")


def with_ways_in(patients: QuerySet[Patient], *, now: datetime) -> QuerySet[Patient]:
    """Adds `links_open`, how many links would sign each patient in at `now` (aware), and `devices_open`."""
    own = OuterRef("pk")
    return patients.annotate(
        links_open=_number(PortalLink.objects.live(now).for_access().filter(patient=own)),
        devices_open=_number(PortalSession.objects.filter(_current(now), patient=own)),
    )


def _number(rows: QuerySet) -> Coalesce:
    return Coalesce(Subquery(rows.order_by().values("patient").annotate(n=Count("pk")).values("n")), 0)


def _current(now: datetime) -> Q:
    """Signed in, or known."""
    used = Q(seen_at__gt=now - IDLE, checked_at__gt=now - ABSOLUTE) | Q(own_device=True)
    return used & Q(ended_at=None, expires_at__gt=now)


def device_of(request: HttpRequest) -> str:
    """Browser and system, as a person knows them: “Chrome, Android”. Empty where the request tells neither."""
    agent = request.headers.get("User-Agent", "")
    found = [next((name for sign, name in names if sign in agent), "") for names in (_BROWSERS, _SYSTEMS)]
    return ", ".join(name for name in found if name)
