"""Stored messages to facts in `patients`: claimed under a lock per feed, read, merged, projected, marked."""

import json
import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from psycopg2.extras import execute_values

from accounts.models import Clinic
from integrations import history, rows, staffing
from integrations.context import Context
from integrations.facts import CLINIC, LINK, PATIENT, THERAPIST, Fact, Parsed, changed_order, merge, value_of
from integrations.identity import REVIEW
from integrations.kinds import KINDS
from integrations.models import (
    CodeMap,
    Feed,
    IdentityLink,
    MatchCandidate,
    RawMessage,
    RawMessageBody,
    RowError,
    SourceRecord,
)
from integrations.sources import by_feed, global_key
from integrations.writing import Changes
from prm import ids
from prm.tenancy import current_practice_id
from prm.tenancy.models import DatabaseClock

BATCH = 500
MAX_REASON = 300
REASONS = {
    "episode_ambiguous": "The discharge names no episode, and not exactly one was open then.",
    "discharge_before_start": "The discharge is dated before the episode began (by more than a day).",
    "waiting": "The patient whom this is about has not come yet; it is applied when he does.",
}
log = logging.getLogger(__name__)


@dataclass
class Item:
    """One claimed message and what its bytes say."""

    message: RawMessage
    parsed: Parsed


def context_of(feed: Feed, *, received_at: datetime) -> Context:
    """What the parser of a feed is told: settings, zones of the clinics it knows, its code maps."""
    codes: dict[str, dict[str, str]] = defaultdict(dict)
    for field, value, ours in CodeMap.objects.filter(feed=feed).exclude(ours="").values_list("field", "value", "ours"):
        codes[field][value] = ours
    bound = SourceRecord.objects.filter(feed=feed, entity=CLINIC, row_id__isnull=False).values_list("key", "row_id")
    zone_of = dict(Clinic.objects.values_list("pk", "time_zone"))
    settings = KINDS[feed.kind].settings(feed.preset, feed.settings)
    return Context(
        received_at=received_at, settings=settings, zone=ZoneInfo(settings.get("zone") or feed.time_zone),
        clinic_zones={key: ZoneInfo(zone_of[pk]) for key, pk in bound if pk in zone_of}, codes=codes,
    )  # fmt: skip


def apply_stored(feed: Feed, *, now: datetime, limit: int = BATCH) -> list[RawMessage]:
    """Apply up to `limit` stored messages of a feed (fewer where its kind's are large), oldest first; returns those.

    One transaction under the feed's lock. A message that raises is retried alone under a savepoint and is a dead letter
    then; the others apply. Nothing is lost by a crash: the messages stay stored.
    """
    with transaction.atomic():
        lock(feed)
        claimed = list(
            RawMessage.objects.filter(feed=feed, state=RawMessage.State.STORED)
            .order_by("received_at", "id")
            .select_for_update(skip_locked=True)[: min(limit, KINDS[feed.kind].per_turn)]
        )
        if claimed:
            apply_messages(feed, claimed, now=now)
        return claimed


def lock(feed: Feed) -> None:
    """Wait for and take the lock of the practice's facts until the transaction ends: one at a time changes them.

    The practice's, not the feed's: two feeds may speak of one person.
    """
    lock_facts(feed.practice_id)


def lock_facts(practice_id: Any = None) -> None:
    """As `lock`, of the open practice where none is named: for what staff change in the facts."""
    with connection.cursor() as cursor:
        name = f"facts {practice_id or current_practice_id()}"
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))", [name])


def apply_messages(feed: Feed, messages: Sequence[RawMessage], *, now: datetime) -> None:
    """Read and apply messages of a feed, whatever their state. In the caller's transaction, under the feed's lock."""
    bodies = {
        body.pk: body
        for body in RawMessageBody.objects.filter(
            pk__in=[m.pk for m in messages], at__in={m.received_at for m in messages}
        )
    }
    context = context_of(feed, received_at=now)
    parse, version = KINDS[feed.kind].parse, KINDS[feed.kind].parser_version
    items = []
    for message in messages:
        message.attempts += 1
        message.parser_version = version
        if message.pk not in bodies:
            message.state, message.code = RawMessage.State.EXPIRED, "body_expired"
            message.reason = "The message's bytes are no longer kept."
            continue
        own = Context(message.received_at, context.settings, context.zone, context.clinic_zones, context.codes)
        items.append(Item(message, parse(bodies[message.pk].open(), own)))
    try:
        with transaction.atomic():
            _apply(feed, items, now=now)
    except Exception:  # noqa: BLE001  (one poisonous message must not stop the other 499)
        for item in items:
            _apply_alone(feed, item, now=now)
    _save(messages)


def _apply_alone(feed: Feed, item: Item, *, now: datetime) -> None:
    try:
        with transaction.atomic():
            _apply(feed, [item], now=now)
    except Exception as error:  # noqa: BLE001  (whatever it is, the message is kept and shown)
        log.warning("integrations.apply_failed", extra={"error": type(error).__name__})
        item.message.state, item.message.code = RawMessage.State.DEAD, "apply_failed"
        item.message.reason = f"Applying it failed ({type(error).__name__}). It is kept; replay it after a fix."


_SAVED = (
    "source_ts", "kind", "control_id", "state", "code", "reason", "where", "flags", "entities", "waits_for", "attempts",
    "parser_version", "applied_at",
)  # fmt: skip
_TYPES = {"source_ts": "timestamptz", "applied_at": "timestamptz", "flags": "jsonb", "entities": "jsonb",
          "attempts": "smallint", "parser_version": "smallint"}  # fmt: skip


def _save(messages: Sequence[RawMessage]) -> None:
    """Write what became of the messages: one UPDATE, since bulk_update builds a CASE of every cell."""
    if not messages:
        return
    columns = ", ".join(f'"{name}" = v."{name}"::{_TYPES.get(name, "text")}' for name in _SAVED)
    statement = (
        f"UPDATE integrations_rawmessage m SET {columns} FROM (VALUES %s) AS v "  # noqa: S608  (names of our own)
        f"(id, practice_id, {', '.join(chr(34) + name + chr(34) for name in _SAVED)}) "
        "WHERE m.practice_id = v.practice_id::uuid AND m.id = v.id::uuid"
    )
    rows_to_write = [
        (
            str(one.pk), str(one.practice_id),
            *(json.dumps(value) if isinstance(value := getattr(one, name), (list, dict)) else
              str(value) if isinstance(value, str) else value for name in _SAVED),
        )
        for one in messages
    ]  # fmt: skip
    with connection.cursor() as cursor:
        execute_values(cursor.cursor, statement, rows_to_write, page_size=500)


def _apply(feed: Feed, items: Sequence[Item], *, now: datetime) -> None:
    facts: dict[tuple[str, str], list[Fact]] = defaultdict(list)
    raw_of: dict[tuple[str, str], Any] = {}
    for item in items:
        for fact in item.parsed.facts:
            facts[(fact.entity, fact.key)].append(fact)
            raw_of[(fact.entity, fact.key)] = item.message.pk
    touched = _merge_records(feed, facts, raw_of)
    touched |= _merge_links(feed, facts, raw_of, now)
    changes = rows.project({global_key(feed, key) for key in touched}, now=now) if touched else Changes()
    history.record(changes)
    _judge(feed, items, changes, now)
    _release_waiting(feed, changes, now)


def _merge_records(feed: Feed, facts: Mapping[tuple[str, str], list[Fact]], raw_of: Mapping[Any, Any]) -> set[str]:
    """Merge statements into their records; returns the keys of the patients whose facts changed."""
    wanted = [pair for pair in facts if pair[0] != LINK]
    by_entity: dict[str, list[str]] = defaultdict(list)
    for entity, key in wanted:
        by_entity[entity].append(key)
    known: dict[tuple[str, str], SourceRecord] = {}
    for entity, keys in by_entity.items():
        for record in SourceRecord.objects.filter(feed=feed, entity=entity, key__in=keys):
            known[(entity, record.key)] = record
    touched: set[str] = set()
    dirty = []
    for pair in wanted:
        record = known.get(pair) or SourceRecord(
            id=ids.uuid7(), practice_id=feed.practice_id, feed=feed, entity=pair[0], key=pair[1]
        )
        links_before = value_of(record.state, "links")
        if not merge(record.state, facts[pair]):
            continue
        touched |= {record.patient_key} - {""}
        record.patient_key = pair[1] if pair[0] == PATIENT else value_of(record.state, "patient", "")
        touched |= {record.patient_key} - {""}
        record.last_raw_id, record.changed_at = raw_of[pair], DatabaseClock()
        dirty.append(record)
        if pair[0] == PATIENT and value_of(record.state, "links") != links_before:
            touched |= _links_of_record(feed, record)
    SourceRecord.objects.bulk_create(
        dirty, update_conflicts=True, unique_fields=["id"], batch_size=1000,
        update_fields=["patient_key", "state", "last_raw_id", "changed_at"],
    )  # fmt: skip
    for entity in (CLINIC, THERAPIST):
        if renamed := [record.key for record in dirty if record.entity == entity and record.row_id]:
            staffing.rename(feed, entity, renamed)
    return touched


def _links_of_record(feed: Feed, record: SourceRecord) -> set[str]:
    """Edges that a FHIR Patient's `link` states: those of its newest version, and no others."""
    stated = {(a, b): cause for a, b, cause in value_of(record.state, "links", [])}
    order, touched = changed_order(record.state, "links")[:80], {record.key}
    for row in IdentityLink.objects.filter(feed=feed, owner_key=record.key):
        if (row.source_key, row.target_key) not in stated:
            row.linked = False
            row.save(update_fields=["linked"])
            touched |= {row.source_key, row.target_key}
    for (source, target), cause in stated.items():
        IdentityLink.objects.update_or_create(
            feed=feed, source_key=source, target_feed=feed, target_key=target,
            defaults={"cause": cause, "owner_key": record.key, "linked": True, "order": order},
        )  # fmt: skip
        touched |= {source, target}
    return touched


def _merge_links(
    feed: Feed, facts: Mapping[tuple[str, str], list[Fact]], raw_of: Mapping[Any, Any], now: datetime
) -> set[str]:
    stated = {pair: told for pair, told in facts.items() if pair[0] == LINK}
    if not stated:
        return set()
    ends = {pair: tuple(told[0].values["ends"]) for pair, told in stated.items()}
    known = {
        (row.source_key, row.target_key): row
        for row in IdentityLink.objects.filter(
            feed=feed, target_feed=feed, source_key__in={source for source, _target in ends.values()}
        )
    }
    touched: set[str] = set()
    dirty = []
    for pair, told in stated.items():
        source, target = ends[pair]
        row = known.get((source, target)) or IdentityLink(
            id=ids.uuid7(),
            practice_id=feed.practice_id,
            feed=feed,
            target_feed=feed,
            source_key=source,
            target_key=target,
            at=now,
        )
        before = (row.linked, row.cause, row.order)
        facts_only = [Fact(one.entity, one.key, one.order, {"linked": one.values["linked"]}) for one in told]
        if not merge(row.state, facts_only):
            continue
        edge = value_of(row.state, "linked")
        row.linked, row.cause = edge is not None, edge["cause"] if edge else row.cause
        row.order, row.last_raw_id = changed_order(row.state, "linked")[:80], raw_of[pair]
        dirty.append(row)
        known[(source, target)] = row
        if before != (row.linked, row.cause, row.order):
            touched |= {source, target}
    IdentityLink.objects.bulk_create(
        dirty, update_conflicts=True, unique_fields=["id"],
        update_fields=["cause", "linked", "order", "state", "last_raw_id"],
    )  # fmt: skip
    return touched


def _judge(feed: Feed, items: Sequence[Item], changes: Changes, now: datetime) -> None:
    """The outcome of each message: its parser's, unless its discharge found no episode or its patient is unknown."""
    needed = {item.parsed.needs_patient for item in items} - {""}
    needed = {key for key in needed if global_key(feed, key) not in changes.known}
    there = set(SourceRecord.objects.filter(feed=feed, entity=PATIENT, key__in=needed).values_list("key", flat=True))
    for item in items:
        message, parsed = item.message, item.parsed
        message.kind, message.control_id = parsed.kind[:24], parsed.control_id
        message.source_ts = parsed.source_ts
        message.flags = list(dict.fromkeys([*message.flags, *parsed.flags]))
        message.entities = dict(Counter(e for e, _k in {(f.entity, f.key) for f in parsed.facts} if e != LINK))
        message.code, message.reason, message.where = parsed.code, parsed.reason[:MAX_REASON], parsed.where[:120]
        message.waits_for = ""
        state = {"apply": "applied", "rejected": "dead"}.get(parsed.outcome, parsed.outcome)
        problem = changes.problems.get(global_key(feed, parsed.closing[1])) if parsed.closing else None
        if problem:
            state, message.code = "dead", problem
        elif state == "applied" and parsed.needs_patient in needed - there:
            state, message.code, message.waits_for = "dead", "waiting", parsed.needs_patient
        if message.code in REASONS and state == "dead":
            message.reason = REASONS[message.code]
        message.state = RawMessage.State(state)
        message.applied_at = now if state == "applied" else None
        _note_rows(feed, item, changes)
    _review(feed, items)


def _note_rows(feed: Feed, item: Item, changes: Changes) -> None:
    """The rows of a chunk whose discharge found no episode; the chunk's other rows apply."""
    message, numbers = item.message, item.parsed.closings
    if not numbers or message.batch_id is None:
        return
    problems = {number: changes.problems.get(global_key(feed, key), "") for key, number in numbers.items()}
    RowError.objects.filter(batch=message.batch_id, row__in=problems, code__in=REASONS).delete()
    found = {number: code for number, code in problems.items() if code}
    RowError.objects.bulk_create(
        RowError(practice_id=message.practice_id, batch_id=message.batch_id, row=number, code=code)
        for number, code in found.items()
    )
    message.flags = list(dict.fromkeys([*message.flags, *found.values()]))


def _release_waiting(feed: Feed, changes: Changes, now: datetime) -> None:
    """What waited for a patient who is here now is applied: its facts were merged when it came."""
    known = by_feed(changes.known).get(feed.pk.hex)
    if known:
        RawMessage.objects.filter(feed=feed, code="waiting", waits_for__in=known).update(
            state=RawMessage.State.APPLIED, code="", reason="", waits_for="", applied_at=now
        )


def _review(feed: Feed, items: Iterable[Item]) -> None:
    """Pairs that the sender thinks are one (A24, `seealso`): a person decides."""
    pairs = {
        tuple(fact.values["ends"])
        for item in items for fact in item.parsed.facts
        if fact.entity == LINK and (fact.values["linked"] or {}).get("cause") == REVIEW
    }  # fmt: skip
    pairs |= {
        (a, b)
        for item in items for fact in item.parsed.facts if fact.entity == PATIENT
        for a, b, cause in fact.values.get("links") or [] if cause == REVIEW
    }  # fmt: skip
    if not pairs:
        return
    keys = {key for pair in pairs for key in pair}
    row_of = dict(
        SourceRecord.objects.filter(feed=feed, entity=PATIENT, key__in=keys, row_id__isnull=False)
        .values_list("key", "row_id")
    )  # fmt: skip
    found = {tuple(sorted((row_of[a], row_of[b]))) for a, b in pairs if a in row_of and b in row_of}
    MatchCandidate.objects.bulk_create(
        [
            MatchCandidate(one_id=one, other_id=other, evidence={"stated": "EMR"})
            for one, other in found
            if one != other
        ],
        ignore_conflicts=True,
    )
