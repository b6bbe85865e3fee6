"""Links for patients: made with a 256-bit token of which only the HMAC is kept (security.md §2)."""

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Q

from accounts.models import Practice
from patients.models import Patient, PortalLink
from prm import crypto

ACCESS_LASTS = timedelta(hours=72)
SURVEY_LASTS = timedelta(days=30)


def new_token() -> str:
    """A URL-safe token of 256 random bits."""
    return secrets.token_urlsafe(32)


def issue_link(
    patient: Patient, purpose: str, *, now: datetime, lasts: timedelta, source: UUID | None = None
) -> tuple[PortalLink, str]:
    """A new link for a patient: its row and its token. The token exists only in the message that carries it."""
    return issue_links([(patient, source)], purpose, now=now, lasts=lasts)[0]


def issue_links(
    wanted: Iterable[tuple[Patient, UUID | None]], purpose: str, *, now: datetime, lasts: timedelta
) -> list[tuple[PortalLink, str]]:
    """A new link for each patient and what it is about, in their order, with one insert. As `issue_link`."""
    issued = []
    for patient, source in wanted:
        token = new_token()
        link = PortalLink(
            patient=patient, purpose=purpose, source=source, token_hash=crypto.token_hash(token), issued_at=now,
            expires_at=now + lasts,
        )  # fmt: skip
        issued.append((link, token))
    PortalLink.objects.bulk_create([link for link, _token in issued], batch_size=500)
    return issued


def link_path(practice: Practice, token: str) -> str:
    """The address of a link within the site."""
    return f"/portal/{practice.public_id}/{token}"


def link_url(practice: Practice, token: str) -> str:
    """The absolute address of a link; the practice's public id in it tells which practice to open (security.md §1)."""
    return settings.SITE_URL + link_path(practice, token)


def find_link(token: str, *, purpose: str = "") -> PortalLink | None:
    """The link of a token in the current practice, expired or ended ones too; None for an unknown one.

    `purpose`: where given, a link for anything else is unknown.
    """
    which = Q(purpose=purpose) if purpose else Q()
    found = PortalLink.objects.select_related("patient").filter(which, token_hash=crypto.token_hash(token))
    return found.first()


def live(link: PortalLink, *, now: datetime) -> bool:
    """True until the link expires or is ended, or its patient is merged away, archived or deceased."""
    return link.ended_at is None and now < link.expires_at and living(link.patient)


def living(patient: Patient) -> bool:
    """Whether links and devices of the patient open anything: neither merged away, archived nor deceased."""
    return patient.merged_into_id is None and patient.archived_at is None and patient.deceased_at is None


def use(link: PortalLink, *, now: datetime) -> bool:
    """Spend an access link: of requests that race, one gets True (security.md P2)."""
    fresh = PortalLink.objects.live(now).filter(pk=link.pk, used_at=None)
    return bool(fresh.update(used_at=now))


def end_links(patient: Patient, *, now: datetime, purpose: str | None = None) -> int:
    """End a patient's live links (all, or those of one purpose); returns how many."""
    which = Q() if purpose is None else Q(purpose=purpose)
    return PortalLink.objects.live(now).filter(which, patient=patient).update(ended_at=now)


def address_changed(patients: Iterable[UUID], *, now: datetime) -> int:
    """An address of these patients changed: every link that may lie in the old mailbox ends (security.md §2)."""
    return PortalLink.objects.live(now).filter(patient__in=list(patients)).update(ended_at=now)
