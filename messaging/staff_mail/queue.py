"""Ask for a mail to staff: one row in the caller's transaction, at most once a dedupe key."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.core.validators import validate_email
from django.utils import timezone, translation

from accounts.models import User
from accounts.notify import Notice
from accounts.totp import ISSUER
from messaging.compose.fields import STAFF_LINK
from messaging.compose.rendering import own_values
from messaging.models import StaffMail
from messaging.outbox.queue import nudge_on_commit
from messaging.staff_mail import wordings
from prm import clock, crypto
from prm.ui import words

LASTS = timedelta(days=3)  # what could not be sent by then is told no more; a link's own end may come earlier
COLOUR = "#195949"  # the product's own, for mail that belongs to no practice
UTC = ZoneInfo("UTC")


class WrongNotice(ValueError):
    """The notice lacks a fact or has one that no mail can say; the text names kind and fact, never its value."""


def send(notice: Notice) -> None:
    """Queue the notice in the caller's transaction; the same dedupe key again queues nothing.

    Facts are texts, whole numbers or aware moments (said in the practice's zone, else UTC). WrongNotice where one is
    missing.
    """
    now = clock.now()
    address = User.objects.normalise(notice.email)
    validate_email(address)
    language = notice.language[:2] if notice.language[:2] in wordings.WHY else "en"
    row = StaffMail(
        kind=notice.kind, address=address, language=language, dedupe_key=notice.dedupe_key, created_at=now,
        state_at=now, not_before=now, expires_at=_expires(notice, now),
    )  # fmt: skip
    crypto.seal_text(row, "sealed", json.dumps(_values(notice, language, now)))
    StaffMail.objects.bulk_create([row], ignore_conflicts=True)
    nudge_on_commit()


def values_of(row: StaffMail) -> dict[str, str]:
    """The values of a row's wording. CannotDecrypt where the row was moved or changed."""
    return json.loads(crypto.open_text(row, "sealed"))


def _expires(notice: Notice, now: datetime) -> datetime:
    link_ends = notice.facts.get("expires")
    return min(link_ends, now + LASTS) if isinstance(link_ends, datetime) else now + LASTS


def _values(notice: Notice, language: str, now: datetime) -> dict[str, str]:
    """Every value as its reader sees it, on one line: some stand in a subject."""
    missing = {name for name in wordings.FACTS.get(notice.kind, ()) if notice.facts.get(name) in (None, "")}
    if missing:
        raise WrongNotice(f"{notice.kind}: the fact {sorted(missing)[0]!r} is missing")
    practice = notice.practice
    own = own_values(practice, None) if practice else {"practice.name": ISSUER, "practice.colour": COLOUR}
    said = {"member.name": notice.name}
    with translation.override(language), timezone.override(practice.zone if practice else UTC):
        for name, fact in {"when": now, **notice.facts}.items():
            said[STAFF_LINK if name == "url" else f"notice.{name}"] = _say(notice.kind, name, fact, language)
    return own | {name: " ".join(value.split()) for name, value in said.items()}


def _say(kind: str, name: str, fact: Any, language: str) -> str:
    if isinstance(fact, datetime):
        return f"{words.moment(fact)} ({timezone.localtime(fact):%Z})"
    if type(fact) is int:
        return str(fact)
    if not isinstance(fact, str):
        raise WrongNotice(f"{kind}: the fact {name!r} is {type(fact).__name__}, expected text, number or aware moment")
    known: Mapping[str, Mapping[str, str]] = {"role": wordings.ROLES[language], "factor": wordings.FACTORS[language]}
    return known.get(name, {}).get(fact, fact)
