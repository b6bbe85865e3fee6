"""What runs across practices, all of it: named functions, most on the alias `platform` (role prm_platform, BYPASSRLS).

Nothing else in the product may read without a practice; a test lists the functions of this module exhaustively.
They return ids and counts, never a person's data.
"""

import json
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.db import connections, transaction
from django.db.models.expressions import RawSQL
from psycopg2 import sql

from prm import clock

ALIAS = "platform"


def practice_ids() -> list[UUID]:
    """Every practice that is not suspended, in no particular order: for nightly jobs that visit each."""
    return _column("SELECT id FROM accounts_practice WHERE suspended_at IS NULL")


def practices_with_due_messages(channel: str, at: datetime) -> list[UUID]:
    """Practices that have a queued message of a channel whose time has come at `at` (aware): one probe a practice.

    A walk from practice to practice over the outbox's index of queued rows, however many of them one practice has.
    """
    return _column(
        """
        WITH RECURSIVE due AS (
          (SELECT practice_id FROM messaging_outboxmessage
           WHERE state = 'queued' AND channel = %(channel)s AND not_before <= %(at)s ORDER BY practice_id LIMIT 1)
          UNION ALL
          SELECT (SELECT later.practice_id FROM messaging_outboxmessage AS later
                  WHERE later.state = 'queued' AND later.channel = %(channel)s AND later.not_before <= %(at)s
                    AND later.practice_id > due.practice_id ORDER BY later.practice_id LIMIT 1)
          FROM due WHERE due.practice_id IS NOT NULL
        )
        SELECT practice.id FROM due JOIN accounts_practice AS practice ON practice.id = due.practice_id
        WHERE practice.suspended_at IS NULL
        """,
        {"channel": channel, "at": at},
    )


def practices_with_dead_leases(at: datetime) -> list[UUID]:
    """Practices in which a message is claimed or started under a lease that ended before `at` (aware)."""
    return _column(
        "SELECT DISTINCT practice_id FROM messaging_outboxmessage "
        "WHERE state IN ('claimed', 'started') AND lease_until < %(at)s",
        {"at": at},
    )


def practices_with_unread_events() -> list[UUID]:
    """Practices to whose webhooks a provider has told something that is not worked in yet."""
    return _column("SELECT DISTINCT practice_id FROM messaging_providerevent WHERE state = 'stored'")


def practices_with_absences(at: datetime) -> list[UUID]:
    """Practices in which a member may be away at `at` (aware), whatever their zones: a day more at either end."""
    return _column(
        "SELECT DISTINCT practice_id FROM accounts_absence WHERE starts_on <= %(day)s + 1 AND ends_on >= %(day)s - 1",
        {"day": at.astimezone(UTC).date()},
    )


def practices_with_link_requests() -> list[UUID]:
    """Practices at whose door somebody asked for a link and waits for it."""
    return _column("SELECT DISTINCT practice_id FROM portal_linkrequest WHERE answered_at IS NULL")


def feeds_with_stored_messages() -> list[tuple[UUID, UUID]]:
    """(practice, feed) of the feeds that are not paused and hold messages that nobody has applied yet."""
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(
            "SELECT f.practice_id, f.id FROM integrations_feed f WHERE f.state <> 'paused' AND EXISTS (SELECT 1 FROM "
            "integrations_rawmessage m WHERE m.practice_id = f.practice_id AND m.feed_id = f.id AND m.state = 'stored')"
        )
        return cursor.fetchall()


def mllp_feeds() -> list[dict[str, Any]]:
    """The HL7 v2 feeds that have a port or a client's certificate: practice_id, id, preset, settings; paused ones too.

    By this alone the listener knows whose a connection is: never by what a message says about itself.
    """
    found = _rows(
        """
        SELECT practice_id, id, preset, settings::text FROM integrations_feed
        WHERE kind = 'hl7v2' AND NOT is_sample
          AND (coalesce(settings->>'mllp_port', '0') <> '0' OR coalesce(settings->>'mllp_certificate', '') <> '')
        ORDER BY created_at, id
        """
    )
    return [{**row, "settings": json.loads(row["settings"])} for row in found]


def mllp_door_is_taken(feed_id: UUID, *, port: int = 0, certificate: str = "") -> bool:
    """Whether another feed, of whatever practice, has this port or this client's certificate as its own."""
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM integrations_feed WHERE kind = 'hl7v2' AND id <> %(feed)s AND ("
            "(%(port)s <> '0' AND settings->>'mllp_port' = %(port)s) OR "
            "(%(certificate)s <> '' AND settings->>'mllp_certificate' = %(certificate)s)))",
            {"feed": str(feed_id), "port": str(port), "certificate": certificate},
        )
        return cursor.fetchone()[0]


def practices_with_backlog(practice_ids: Collection[UUID], limit: int) -> list[UUID]:
    """Those of the practices in which more than `limit` messages of feeds are stored and not applied."""
    return _column(
        "SELECT p.id FROM unnest(%(ids)s::uuid[]) AS p(id) WHERE (SELECT count(*) FROM (SELECT 1 FROM "
        "integrations_rawmessage m WHERE m.practice_id = p.id AND m.state = 'stored' LIMIT %(limit)s + 1) one) > "
        "%(limit)s",
        {"ids": [str(one) for one in practice_ids], "limit": limit},
    )


def imports_to_run() -> list[tuple[UUID, UUID]]:
    """(practice, batch) of the uploaded files that wait to be checked, or whose rows are not all stored."""
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(
            "SELECT b.practice_id, b.id FROM integrations_importbatch b WHERE b.kind <> '' AND (b.state = 'waiting' OR "
            "(b.state = 'running' AND b.done_rows < b.rows)) AND EXISTS (SELECT 1 FROM integrations_importpart p "
            "WHERE p.practice_id = b.practice_id AND p.batch_id = b.id) ORDER BY b.id"
        )
        return cursor.fetchall()


def practices_of(user_id: UUID) -> RawSQL:
    """The ids of the practices in which this user has a membership that has not ended, as a sub-query.

    A SECURITY DEFINER function on the application's own connection, so that it sees the caller's transaction. Chosen
    over a second setting `prm.user` in the wall of memberships: that policy would also have let a person's request
    write a membership of his own into any practice, and not every tenant table would have the same wall.
    """
    return RawSQL("SELECT prm_practices_of(%s)", [str(user_id)])


def practices_open_to_support(at: datetime) -> list[UUID]:
    """Practices whose owner lets the platform's operators look in at `at` (aware)."""
    return _column(
        "SELECT DISTINCT practice_id FROM accounts_supportgrant WHERE ended_at IS NULL AND until > %(at)s", {"at": at}
    )


def outbox_by_state() -> dict[str, int]:
    """How many messages of all practices are not settled, by state: queued, claimed, started, unknown, held."""
    unsettled = ("queued", "claimed", "started", "unknown", "held")
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(
            "SELECT state, count(*) FROM messaging_outboxmessage WHERE state = ANY(%s) GROUP BY state",
            [list(unsettled)],
        )
        return dict.fromkeys(unsettled, 0) | dict(cursor.fetchall())


def staff_mail_by_state() -> dict[str, int]:
    """How many mails to staff are on their way or of unknown fate, by state: queued, claimed, started, unknown."""
    told = ("queued", "claimed", "started", "unknown")
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(
            "SELECT state, count(*) FROM messaging_staffmail WHERE state = ANY(%s) GROUP BY state", [list(told)]
        )
        return dict.fromkeys(told, 0) | dict(cursor.fetchall())


def practices_with_old_answers(before: datetime) -> list[UUID]:
    """Practices, suspended ones too, with answers of the API that were kept for a second asking since `before`."""
    return _column("SELECT DISTINCT practice_id FROM api_keptanswer WHERE created_at < %(at)s", {"at": before})


def oldest_due_message() -> datetime | None:
    """When the queued message of all practices that waits longest became due (aware); a future moment where none is."""
    found = _column("SELECT min(not_before) FROM messaging_outboxmessage WHERE state = 'queued'")
    return found[0]


def practices_to_evaluate(at: datetime) -> list[UUID]:
    """Practices in which at `at` (aware) a rule's clock has come, a journey's step is planned, or an episode changed.

    One statement for all (bench.md §3, decision 3): where nothing is due, no practice's transaction is opened. What
    changed is compared in the database's clock with what the practice's evaluator has seen (campaigns.md §7.3).
    """
    return _column(
        """
        WITH woken AS (
          SELECT practice_id FROM campaigns_ruleclock WHERE next_at <= %(at)s
          UNION
          SELECT j.practice_id FROM campaigns_journey j
            JOIN campaigns_rule r ON r.practice_id = j.practice_id AND r.id = j.rule_id AND r.state = 'active'
           WHERE j.ended_at IS NULL AND j.planned_at <= %(at)s
          UNION
          SELECT s.practice_id FROM campaigns_evaluationstate s
            JOIN patients_episode e ON e.practice_id = s.practice_id AND e.changed_at >= s.seen_through
           WHERE e.changed_at >= (SELECT min(seen_through) FROM campaigns_evaluationstate)
             AND EXISTS (SELECT 1 FROM campaigns_ruleclock c WHERE c.practice_id = s.practice_id))
        SELECT w.practice_id FROM woken w JOIN accounts_practice p ON p.id = w.practice_id WHERE p.suspended_at IS NULL
        """,
        {"at": at},
    )


def practices_with_audit_work(day: date) -> list[UUID]:
    """Practices, suspended ones too, with events up to the end of `day` (UTC) whose seal is missing, or a check that
    is not finished.
    """
    return _column(
        """
        SELECT p.id FROM accounts_practice p
         WHERE EXISTS (SELECT 1 FROM audit_auditcheck c WHERE c.practice_id = p.id AND c.finished_at IS NULL)
            OR (NOT EXISTS (SELECT 1 FROM audit_auditseal s WHERE s.practice_id = p.id AND s.day >= %(day)s)
                AND (EXISTS (SELECT 1 FROM audit_auditseal s WHERE s.practice_id = p.id)
                     OR EXISTS (SELECT 1 FROM audit_auditevent e WHERE e.practice_id = p.id AND e.at < %(end)s)))
        """,
        {"day": day, "end": datetime.combine(day + timedelta(days=1), time(0), UTC)},
    )


def practice_overview(at: datetime) -> list[dict[str, Any]]:
    """A row for each practice, by name: who it is, its counts, what waits and what failed at `at` (aware).

    Keys: id, slug, name, created_at, suspended_at, suspended_for, clinics, members, patients, feeds, last_received_at,
    dead (messages of feeds that nobody could apply), due_since (when its oldest queued message became due, None where
    none is due), unknown (messages whose fate is unknown), support_until (a live grant's end).
    """
    return _rows(
        """
        SELECT p.id, p.slug, p.name, p.created_at, p.suspended_at, p.suspended_for,
          (SELECT count(*) FROM accounts_clinic c WHERE c.practice_id = p.id) AS clinics,
          (SELECT count(*) FROM accounts_membership m WHERE m.practice_id = p.id AND m.ended_at IS NULL) AS members,
          (SELECT count(*) FROM patients_patient t
            WHERE t.practice_id = p.id AND t.merged_into_id IS NULL AND t.archived_at IS NULL) AS patients,
          (SELECT count(*) FROM integrations_feed f WHERE f.practice_id = p.id) AS feeds,
          (SELECT max(f.last_received_at) FROM integrations_feed f
            WHERE f.practice_id = p.id AND f.state = 'live') AS last_received_at,
          (SELECT count(*) FROM integrations_rawmessage r WHERE r.practice_id = p.id AND r.state = 'dead') AS dead,
          (SELECT min(o.not_before) FROM messaging_outboxmessage o
            WHERE o.practice_id = p.id AND o.state = 'queued' AND o.not_before <= %(at)s) AS due_since,
          (SELECT count(*) FROM messaging_outboxmessage o
            WHERE o.practice_id = p.id AND o.state = 'unknown') AS unknown,
          (SELECT max(g.until) FROM accounts_supportgrant g
            WHERE g.practice_id = p.id AND g.ended_at IS NULL AND g.until > %(at)s) AS support_until
        FROM accounts_practice p ORDER BY lower(p.name), p.id
        """,
        {"at": at},
    )


def usage(start: datetime, end: datetime) -> list[dict[str, Any]]:
    """What each practice sent from `start` to before `end` (aware), by name, slug and channel: messages, failed, calls.

    `messages` were handed to a provider, `failed` never were, `calls` counts every try at a provider.
    """
    return _rows(
        """
        SELECT p.name, p.slug, o.channel, count(*) FILTER (WHERE o.state = 'sent') AS messages,
          count(*) FILTER (WHERE o.state = 'failed') AS failed, coalesce(sum(o.attempts), 0) AS calls
        FROM messaging_outboxmessage o JOIN accounts_practice p ON p.id = o.practice_id
        WHERE o.state IN ('sent', 'failed') AND o.state_at >= %(start)s AND o.state_at < %(end)s
        GROUP BY p.name, p.slug, o.channel ORDER BY lower(p.name), p.slug, o.channel
        """,
        {"start": start, "end": end},
    )


def feed_overview() -> list[dict[str, Any]]:
    """Every feed of every practice: practice, slug, kind, state, last_received_at, stored (not applied yet), dead."""
    return _rows(
        """
        SELECT p.name AS practice, p.slug, f.kind, f.state, f.last_received_at,
          count(r.id) FILTER (WHERE r.state = 'stored') AS stored, count(r.id) FILTER (WHERE r.state = 'dead') AS dead
        FROM integrations_feed f JOIN accounts_practice p ON p.id = f.practice_id
        LEFT JOIN integrations_rawmessage r
          ON r.practice_id = f.practice_id AND r.feed_id = f.id AND r.state IN ('stored', 'dead')
        GROUP BY p.name, p.slug, f.id, f.kind, f.state, f.last_received_at ORDER BY lower(p.name), f.id
        """
    )


def _rows(statement: str, parameters: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(statement, parameters)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def practices_with_open_exports() -> list[UUID]:
    """Practices, suspended ones too, with an export that is being made, or whose files are due to go."""
    return _column(
        "SELECT DISTINCT practice_id FROM tenancy_practiceexport "
        "WHERE finished_at IS NULL OR (expires_at < %(now)s AND removed_at IS NULL)",
        {"now": clock.now()},
    )


def erase_slice(table: str, practice_id: UUID, limit: int) -> int:
    """Delete up to `limit` rows of a practice that is being closed from a tenant table; returns how many."""
    statement = sql.SQL(
        "DELETE FROM {table} WHERE practice_id = %(practice)s AND id IN "
        "(SELECT id FROM {table} WHERE practice_id = %(practice)s LIMIT %(limit)s)"
    ).format(table=sql.Identifier(table))
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(statement, {"practice": str(practice_id), "limit": limit})
        return cursor.rowcount


def erase_together(tables: Sequence[str], practice_id: UUID) -> dict[str, int]:
    """Delete all rows of a practice from tables that point at each other, in one transaction; rows by table."""
    erased = {}
    with transaction.atomic(using=ALIAS), connections[ALIAS].cursor() as cursor:
        for table in tables:
            cursor.execute(
                sql.SQL("DELETE FROM {} WHERE practice_id = %s").format(sql.Identifier(table)), [str(practice_id)]
            )
            erased[table] = cursor.rowcount
    return erased


def erase_practice(practice_id: UUID, tables: Sequence[tuple[str, str]]) -> None:
    """Delete the practice's own row, and the rows of the global `tables` (table, column) that point at it."""
    with transaction.atomic(using=ALIAS), connections[ALIAS].cursor() as cursor:
        for table, column in (*tables, ("accounts_practice", "id")):
            statement = sql.SQL("DELETE FROM {} WHERE {} = %s").format(sql.Identifier(table), sql.Identifier(column))
            cursor.execute(statement, [str(practice_id)])


def works_somewhere(user_id: UUID) -> bool:
    """Whether this person has a membership in any practice, an ended one too."""
    with connections[ALIAS].cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM accounts_membership WHERE user_id = %s)", [str(user_id)])
        return cursor.fetchone()[0]


def _column(statement: str, parameters: dict[str, Any] | None = None) -> list:
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(statement, parameters)
        return [row[0] for row in cursor.fetchall()]
