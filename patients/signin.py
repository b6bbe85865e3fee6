"""A patient signs in with a link and a birth date, and comes back to his own phone with a part of it (security.md §2).

Five wrong birth dates an hour per patient, per link and per re-check: then the link or the device is dead and staff are
told. Tries of one patient go one after the other (advisory lock), so that requests that race cannot try more often.
What is wrong is never said: a patient without a birth date in his record is answered as one who mistyped it.
"""

from datetime import date, datetime, timedelta

from django.db import connection
from django.db.models import F
from django.utils.crypto import constant_time_compare

from accounts.models import Clinic
from patients import access, sessions, worklist
from patients.models import BirthDateTry, Patient, PortalLink, PortalSession

TRIES = 5
WINDOW = timedelta(hours=1)
KEPT_FOR = timedelta(days=1)
CALL = "call"  # the work item that tells staff; `portal` registers the kind
CALL_WITHIN = 480  # opening minutes of the clinic: one business day


class WrongDate(Exception):
    """Not the birth date; `left` says how many tries remain, one at least."""

    def __init__(self, left: int) -> None:
        self.left = left
        super().__init__("wrong birth date")


class Locked(Exception):
    """Too many wrong dates: the link, or the device, is dead from now on."""


class DeadLink(Exception):
    """The link was used, ended or expired meanwhile."""


def by_link(
    link: PortalLink, born: date, *, own_device: bool, device: str, before: PortalSession | None, now: datetime
) -> tuple[PortalSession, str]:
    """Sign the patient of an access link in; his session and the token for its cookie. The link is spent.

    `device`: browser and system in words; `before`: who was signed in on this device, whose session ends. Runs in the
    caller's transaction, which must commit whatever is raised. WrongDate, Locked, DeadLink.
    """
    attempt = _begin(link.patient, now=now)
    link = PortalLink.objects.select_related("patient__home_clinic").get(pk=link.pk)  # as it is behind the lock
    if not access.live(link, now=now) or link.used_at is not None:
        _forget(attempt)
        raise DeadLink
    if attempt is None or not _is(link.patient, "%Y-%m-%d", born):
        PortalLink.objects.filter(pk=link.pk).update(wrong_tries=F("wrong_tries") + 1)
        left = _left(link.patient, link.wrong_tries + 1, now=now)
        if left > 0:
            raise WrongDate(left)
        PortalLink.objects.filter(pk=link.pk).update(ended_at=now)
        _tell_staff(link.patient, "link locked by wrong birth dates", now=now)
        raise Locked
    _right(attempt)
    if not access.use(link, now=now):
        raise DeadLink
    if before is not None:
        sessions.end(before, PortalSession.Ended.REPLACED, now=now)
    return sessions.start(link.patient, own_device=own_device, device=device, now=now)


def again(session: PortalSession, month: int, day: int, *, now: datetime) -> None:
    """Let the patient go on, on his own phone: month and day of the birth date. WrongDate; Locked ends the device."""
    attempt = _begin(session.patient, now=now)
    session.refresh_from_db(fields=["wrong_tries", "ended_at"])
    if session.ended_at is not None:
        _forget(attempt)
        raise Locked
    if attempt is None or not _is(session.patient, "%m-%d", date(2000, month, day)):
        PortalSession.objects.filter(pk=session.pk).update(wrong_tries=F("wrong_tries") + 1)
        left = _left(session.patient, session.wrong_tries + 1, now=now)
        if left > 0:
            raise WrongDate(left)
        sessions.end(session, PortalSession.Ended.LOCKED, now=now)
        _tell_staff(session.patient, "phone locked by wrong birth dates", now=now)
        raise Locked
    _right(attempt)
    sessions.checked(session, now=now)


def tell_staff_of_no_birth_date(patient: Patient, *, now: datetime) -> None:
    """Somebody who cannot sign in asked for a link: the front desk calls."""
    _tell_staff(patient, "asked for a link, has no birth date", now=now)


def _begin(patient: Patient, *, now: datetime) -> BirthDateTry | None:
    """A try, counted as wrong before it is checked; None where the hour's tries are used up. Waits for racing ones."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"birth date {patient.pk}"])
    BirthDateTry.objects.filter(patient=patient, at__lt=now - KEPT_FOR).delete()
    if _wrong_lately(patient, now=now) >= TRIES:
        return None
    return BirthDateTry.objects.create(patient=patient, at=now)


def _wrong_lately(patient: Patient, *, now: datetime) -> int:
    return BirthDateTry.objects.filter(patient=patient, right=False, at__gt=now - WINDOW).count()


def _left(patient: Patient, here: int, *, now: datetime) -> int:
    """Tries that remain after `here` wrong ones with this link or device."""
    return TRIES - max(here, _wrong_lately(patient, now=now))


def _is(patient: Patient, parts: str, given: date) -> bool:
    born = patient.birth_date
    return born is not None and constant_time_compare(born.strftime(parts), given.strftime(parts))


def _right(attempt: BirthDateTry) -> None:
    BirthDateTry.objects.filter(pk=attempt.pk).update(right=True)


def _forget(attempt: BirthDateTry | None) -> None:
    """Nothing was checked, so it was no try."""
    if attempt is not None:
        BirthDateTry.objects.filter(pk=attempt.pk).delete()


def _tell_staff(patient: Patient, why: str, *, now: datetime) -> None:
    """Work item `call`, due in one business day of the patient's clinic (daily.md §11)."""
    clinic: Clinic | None = patient.home_clinic or Clinic.objects.filter(closed_at=None).order_by("pk").first()
    due_at = clinic.business_time(now, CALL_WITHIN) if clinic else None
    worklist.open_item(CALL, patient, now=now, due_at=due_at, patient=patient, clinic=clinic, line=why)
