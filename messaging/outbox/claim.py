"""Which queued rows leave next: claimed under a lease, at most one a person and one an address at a time.

Runs in a practice's context; every function here is one short transaction of its caller.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from messaging.models import OutboxMessage
from messaging.outbox import guard
from messaging.outbox.queue import announce_held
from prm import ids
from prm.tenancy import current_practice_id

State = OutboxMessage.State
RACES = 3  # a colleague took the same person in the same moment: look again, this often

# Caps are counted in this transaction (guard step 9): a colleague who claims for the same patient must have committed
# before we count, or both would find room. Claims of one practice and channel take turns; they are short.
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"

# Candidates are locked in a CTE of their own (FOR UPDATE is refused beside DISTINCT), then one a patient and one an
# address is kept; whoever has a row in flight waits for it.
CANDIDATES = """
WITH candidates AS MATERIALIZED (
  SELECT id, patient_id, address, not_before,
         array_position(ARRAY['security', 'direct', 'care', 'marketing'], klass::text) AS urgency
  FROM messaging_outboxmessage AS waiting
  WHERE practice_id = %(practice)s AND state = 'queued' AND channel = %(channel)s AND not_before <= %(at)s
    AND NOT EXISTS (
      SELECT 1 FROM messaging_outboxmessage AS flying
      WHERE flying.practice_id = %(practice)s AND flying.channel = %(channel)s
        AND flying.state IN ('claimed', 'started')
        AND (flying.patient_id = waiting.patient_id OR (flying.address = waiting.address AND waiting.address <> '')))
  ORDER BY urgency, not_before, id
  LIMIT %(limit)s
  FOR UPDATE SKIP LOCKED
), one_a_patient AS (
  SELECT DISTINCT ON (coalesce(patient_id, id)) * FROM candidates
  ORDER BY coalesce(patient_id, id), urgency, not_before, id
)
SELECT DISTINCT ON (CASE WHEN address = '' THEN id::text ELSE address END) id FROM one_a_patient
ORDER BY CASE WHEN address = '' THEN id::text ELSE address END, urgency, not_before, id
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """`rows` (with template and patient) under one lease; `seen`: due rows that were looked at, passed or stopped."""

    id: UUID
    rows: list[OutboxMessage]
    seen: int = 0


def claim(channel: str, *, at: datetime, limit: int, lease: timedelta) -> Claim:
    """Claim up to `limit` due rows that the guard lets pass at `at`; those that it stops get their verdict.

    The guard's answers and the claim are one transaction: what is revoked before it commits is not sent.
    """
    for _race in range(RACES):
        try:
            with transaction.atomic():
                return _claim(channel, at=at, limit=limit, lease=lease)
        except IntegrityError:
            continue
    return Claim(ids.uuid7(), [])


def _claim(channel: str, *, at: datetime, limit: int, lease: timedelta) -> Claim:
    claim_id = ids.uuid7()
    with connection.cursor() as cursor:
        cursor.execute(ONE_AT_A_TIME, [f"{current_practice_id()} {channel}"])
        cursor.execute(
            CANDIDATES, {"practice": str(current_practice_id()), "channel": channel, "at": at, "limit": limit}
        )
        found = [row[0] for row in cursor.fetchall()]
    if not found:
        return Claim(claim_id, [])
    rows = list(OutboxMessage.objects.filter(pk__in=found).select_related("template_version__template", "patient"))
    before = {row.pk: (row.patient_id, row.address) for row in rows}
    verdicts = guard.decide(rows, at)
    passed, stopped = [], []
    for row in rows:
        guard.apply(row, verdicts[row.pk], at=at)
        if row.verdict == OutboxMessage.Outcome.SEND:
            row.state, row.state_at, row.claim, row.lease_until = State.CLAIMED, at, claim_id, at + lease
            passed.append(row)
        else:
            stopped.append(row)
    passed = _one_an_address(passed)
    OutboxMessage.objects.filter(pk__in=[row.pk for row in passed]).update(
        state=State.CLAIMED, state_at=at, claim=claim_id, lease_until=at + lease, verdict=OutboxMessage.Outcome.SEND,
        verdict_step=10, reason="", facts={},
    )  # fmt: skip
    moved = [row for row in passed if before[row.pk] != (row.patient_id, row.address)]
    OutboxMessage.objects.bulk_update(moved, ["patient", "address"])
    OutboxMessage.objects.bulk_update(
        stopped,
        ["patient", "address", "state", "state_at", "not_before", "verdict", "verdict_step", "reason", "facts"],
    )
    announce_held(stopped, now=at)
    return Claim(claim_id, passed, seen=len(rows))


def _one_an_address(rows: list[OutboxMessage]) -> list[OutboxMessage]:
    """Addresses and survivors of merges as the guard just found them may coincide: the later ones wait."""
    seen: set[tuple[str, object]] = set()
    kept = []
    for row in sorted(rows, key=lambda row: (row.not_before, row.pk)):
        marks = {("address", row.address), ("patient", row.patient_id or row.pk)}
        if not marks & seen:
            seen |= marks
            kept.append(row)
    return kept


def give_back(claim_id: UUID, *, at: datetime) -> int:
    """Queue again what is claimed but not started, such as at the end of a worker; returns how many."""
    return OutboxMessage.objects.filter(claim=claim_id, state=State.CLAIMED).update(
        state=State.QUEUED, state_at=at, claim=None, lease_until=None
    )
