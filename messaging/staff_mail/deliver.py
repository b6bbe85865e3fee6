"""From the queue to the mail server: claim, render, start, call, record, as `messaging.outbox.deliver` does.

`started` is committed right before the call and no transaction is open during it. A worker that dies leaves rows whose
fate is told by their state: claimed, nothing left; started, unknown and never sent again.
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F

from messaging.channels import Answer, Call, Parcel, Provider, Result, Sender
from messaging.compose import fields, liquid, mail
from messaging.compose.rendering import Rendered
from messaging.models import Klass, StaffMail
from messaging.models.staff_mail import OPEN
from messaging.outbox.deliver import BUDGET, OpenTransaction, Tally, ask
from messaging.outbox.outcomes import MOST_ATTEMPTS, next_try
from messaging.staff_mail import queue, transport, wordings
from prm import clock, crypto, ids

log = logging.getLogger(__name__)

State = StaffMail.State
CLAIM = 20
KEPT_FOR = timedelta(days=90)  # that something was sent to somebody; what it said is gone at once
REFUSED_WAIT = timedelta(minutes=1)  # the server refuses our account: somebody must mend the setting


def deliver_due(*, budget: float = BUDGET, stopping: Callable[[], bool] = lambda: False) -> Tally:
    """Send what is due, for about `budget` seconds. Where no server is set everything waits, and the log says so."""
    tally, ends = Tally(), time.monotonic() + budget
    account = transport.account()
    if account is None:
        waiting = StaffMail.objects.filter(state=State.QUEUED).count()
        if waiting:
            log.warning("staff_mail.no_server", extra={"count": waiting})
        return tally
    provider, sender = account
    while rows := _claim(provider, at=clock.now()):
        for row in rows:
            if stopping() or time.monotonic() >= ends:
                tally.more = True
                break
            _deliver(provider, sender, row, tally)
        _give_back(rows[0].claim, at=clock.now())
        if tally.more:
            break
    return tally


def sweep(*, now: datetime) -> tuple[int, int]:
    """Settle the rows of workers that died, end what is too late, forget what is old. (queued again, unknown)."""
    dead = StaffMail.objects.filter(lease_until__lt=now)
    again = dead.filter(state=State.CLAIMED).update(state=State.QUEUED, state_at=now, claim=None, lease_until=None)
    unknown = dead.filter(state=State.STARTED).update(**_end(State.UNKNOWN, "worker_died", now))
    StaffMail.objects.filter(state=State.QUEUED, expires_at__lte=now).update(**_end(State.EXPIRED, "expired", now))
    StaffMail.objects.filter(state_at__lt=now - KEPT_FOR).exclude(state__in=OPEN).delete()
    return again, unknown


def render(row: StaffMail) -> Rendered:
    """What the reader gets. CannotDecrypt for a changed row, MissingValue where a newer wording wants another fact."""
    values = fields.nested(queue.values_of(row))
    subject, html, text = _compiled(row.kind, row.language)
    return Rendered(
        subject=" ".join(liquid.render(subject, values, html=False).split()),
        html=liquid.render(html, values, html=True),
        text=liquid.render(text, values, html=False),
    )


@lru_cache(maxsize=64)
def _compiled(kind: str, language: str) -> tuple[str, str, str]:
    wording = wordings.wording(kind, language)
    return wording["subject"], mail.compile_html(wording, language), mail.compile_plain(wording, language)


def _claim(provider: Provider, *, at: datetime) -> list[StaffMail]:
    """Up to CLAIM due rows under one lease; those whose time has run out end here."""
    with transaction.atomic():
        due = StaffMail.objects.filter(state=State.QUEUED, not_before__lte=at)
        due.filter(expires_at__lte=at).update(**_end(State.EXPIRED, "expired", at))
        found = list(due.select_for_update(skip_locked=True).order_by("not_before", "pk")[:CLAIM])
        claim_id = ids.uuid7()
        StaffMail.objects.filter(pk__in=[row.pk for row in found]).update(
            state=State.CLAIMED, state_at=at, claim=claim_id, lease_until=at + provider.lease
        )
    for row in found:
        row.claim = claim_id
    return found


def _give_back(claim_id: UUID | None, *, at: datetime) -> None:
    """Queue again what is claimed but was not started."""
    StaffMail.objects.filter(claim=claim_id, state=State.CLAIMED).update(
        state=State.QUEUED, state_at=at, claim=None, lease_until=None
    )


def _deliver(provider: Provider, sender: Sender, row: StaffMail, tally: Tally) -> None:
    """One mail: its words, `started`, the call, the outcome. A row that cannot be read fails alone."""
    mine = StaffMail.objects.filter(pk=row.pk, claim=row.claim)
    try:
        body = render(row)
    except (crypto.CannotDecrypt, liquid.MissingValue) as problem:
        mine.filter(state=State.CLAIMED).update(**_end(State.FAILED, type(problem).__name__, clock.now()))
        log.error("staff_mail.unreadable", extra={"outbox_id": row.pk, "kind": row.kind})
        return
    now = clock.now()
    if not mine.filter(state=State.CLAIMED).update(
        state=State.STARTED, state_at=now, attempts=F("attempts") + 1, lease_until=now + provider.lease,
        provider=provider.name,
    ):  # fmt: skip
        return  # the sweeper took it back
    if connection.in_atomic_block:
        raise OpenTransaction(provider.name)
    parcel = Parcel(row.pk, row.address, subject=body.subject, html=body.html, text=body.text, tags={})
    answers = ask(provider, Call(sender, klass=Klass.SECURITY, purpose="", parcels=[parcel]))
    tally.add(answers)
    _record(row, answers[row.pk], now=clock.now())


def _record(row: StaffMail, answer: Answer, *, now: datetime) -> None:
    """The row's next state from the server's answer; only where the lease is still ours."""
    mine = StaffMail.objects.filter(pk=row.pk, claim=row.claim, state=State.STARTED)
    tries = row.attempts + 1
    if answer.result == Result.YES:
        mine.update(**_end(State.SENT, "", now), provider_id=answer.provider_id[:120])
    elif answer.result == Result.NEVER:
        mine.update(**_end(State.FAILED, answer.code or "refused", now))
    elif answer.result != Result.NO:
        mine.update(**_end(State.UNKNOWN, answer.code or "no_answer", now))
    elif answer.pause:
        log.error("staff_mail.account_refused", extra={"channel": row.provider, "outbox_id": row.pk})
        mine.update(**_again(answer, now + REFUSED_WAIT, now), attempts=row.attempts)
    elif tries >= MOST_ATTEMPTS:
        mine.update(**_end(State.FAILED, "gave_up", now))
    else:
        mine.update(**_again(answer, max(next_try(tries, now), answer.retry_at or now), now))
    log.info("staff_mail.called", extra={"outbox_id": row.pk, "kind": row.kind, "state": answer.result})


def _again(answer: Answer, not_before: datetime, now: datetime) -> dict[str, object]:
    return {
        "state": State.QUEUED, "state_at": now, "claim": None, "lease_until": None, "not_before": not_before,
        "reason": answer.code[:40],
    }  # fmt: skip


def _end(state: str, reason: str, now: datetime) -> dict[str, object]:
    """An end: what the mail said goes with it."""
    return {
        "state": state, "state_at": now, "claim": None, "lease_until": None, "reason": reason[:40], "sealed": b"",
    }  # fmt: skip
