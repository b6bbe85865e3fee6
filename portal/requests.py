"""“Send me a new link”: the same answer in the same time for every address (security.md §2).

The request is written down and answered later by a task, so that neither words nor time tell who is a patient here.
"""

from datetime import datetime, timedelta

from django.db import connection, transaction

from accounts.models import Practice
from integrations import contact
from patients import access, signin
from patients.models import Channel, Patient, PortalLink
from portal.links import send
from portal.models import LinkRequest
from prm import crypto
from prm.ui.problems import TooManyRequests

PER_ADDRESS, PER_CALLER = 5, 30  # an hour (daily.md §4)
WINDOW = timedelta(hours=1)
KEPT_FOR = timedelta(days=1)
ANSWERED_WITHIN = timedelta(hours=1)  # later nobody waits for it any more
BATCH = 200
FIELD = {Channel.EMAIL: "email", Channel.SMS: "phone"}


def address_of(typed: str) -> tuple[str, str] | None:
    """(channel, address as we keep it) of what a person typed; None for neither an e-mail address nor a number."""
    if "@" in typed:
        address = contact.email(typed)
        return (Channel.EMAIL, address) if address else None
    number = contact.phone(typed)
    return (Channel.SMS, number) if number else None


def ask(channel: str, address: str, *, caller: str | None, now: datetime) -> LinkRequest:
    """Write down that somebody wants a link sent to `address`. TooManyRequests after 5 an hour for it, 30 a caller.

    Counted in the database before anything is looked up; requests that race wait for each other.
    """
    address_hash = crypto.token_hash(f"{channel} {address}")
    caller_hash = crypto.token_hash(f"caller {caller}") if caller else ""
    with connection.cursor() as cursor:
        for name in sorted({address_hash, caller_hash} - {""}):
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"link request {name}"])
    _check("address_hash", address_hash, PER_ADDRESS, now=now)
    if caller_hash:
        _check("caller_hash", caller_hash, PER_CALLER, now=now)
    request = LinkRequest(channel=channel, address_hash=address_hash, caller_hash=caller_hash, at=now)
    crypto.seal_text(request, "address", address)
    request.save(force_insert=True)
    return request


def answer_waiting(practice: Practice, *, now: datetime) -> int:
    """Send what was asked for; returns how many requests were answered. Safe to run twice; rows are locked meanwhile.

    Earlier access links of a patient end. Several patients on one address get a message each. Requests older than a
    day are deleted. Inside the practice's context.
    """
    LinkRequest.objects.filter(at__lt=now - KEPT_FOR).delete()
    with transaction.atomic():
        open_ones = LinkRequest.objects.select_for_update(skip_locked=True).filter(answered_at=None)
        waiting = list(open_ones.order_by("at", "id")[:BATCH])
        for request in waiting:
            if now - request.at < ANSWERED_WITHIN:
                _answer(request, practice, now=now)
            request.address, request.answered_at = b"", now
        LinkRequest.objects.bulk_update(waiting, ["address", "answered_at"])
    return len(waiting)


def _check(field: str, value: str, most: int, *, now: datetime) -> None:
    lately = LinkRequest.objects.filter(**{field: value}, at__gt=now - WINDOW).order_by("-at")
    moments = list(lately.values_list("at", flat=True)[:most])
    if len(moments) == most:
        raise TooManyRequests(moments[-1] + WINDOW)


def _answer(request: LinkRequest, practice: Practice, *, now: datetime) -> None:
    address = crypto.open_text(request, "address")
    people = list(
        Patient.objects.living()
        .filter(**{FIELD[Channel(request.channel)]: address}, test_name=False)
        .select_related("home_clinic")
        .order_by("pk")
    )
    for patient in people:
        if patient.birth_date is None:
            signin.tell_staff_of_no_birth_date(patient, now=now)
            continue
        access.end_links(patient, now=now, purpose=PortalLink.LinkPurpose.ACCESS)
        send(patient, request.channel, practice=practice, now=now, name_him=len(people) > 1)
