"""The daily chain: what was sealed and then changed, whoever changed it, is found (security.md A8)."""

import os
import threading
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from urllib.parse import urlsplit

import psycopg2
import pytest
from django.core.management import CommandError, call_command
from django.db import Error, IntegrityError, connections, transaction
from psycopg2 import sql

from prm import clock, crypto, ids
from prm.audit import checks, seal, tasks
from prm.audit.models import AuditCheck, AuditEvent, AuditSeal
from prm.audit.record import record
from prm.tenancy import platform, use_practice
from tests.factories.accounts import PracticeFactory

pytestmark = pytest.mark.django_db(transaction=True)

MONDAY = date(2026, 11, 16)
THURSDAY_MORNING = datetime(2026, 11, 19, 6, tzinfo=UTC)


def at(day: date, hour: int = 12) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


@pytest.fixture
def harbor():
    """A practice with two events on Monday, none on Tuesday, three on Wednesday; all sealed on Thursday."""
    practice = PracticeFactory(slug="harbor")
    with use_practice(practice.pk):
        for day, hours in ((MONDAY, (9, 10)), (MONDAY + timedelta(days=2), (8, 9, 23))):
            for hour in hours:
                record(
                    "patient.read", now=at(day, hour), patient_id=ids.uuid7(), object_id=ids.uuid7(),
                    actor_kind="patient", rows=hour,
                )  # fmt: skip
        seal.seal_through(now=THURSDAY_MORNING)
    return practice


@contextmanager
def superuser():
    """A connection that no wall and no right holds back, as a DBA's."""
    admin = psycopg2.connect(
        urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connections['default'].settings_dict['NAME']}").geturl()
    )
    try:
        with admin, admin.cursor() as cursor:
            yield cursor
    finally:
        admin.close()


def found(practice, **options) -> set[tuple[date, str]]:
    with use_practice(practice.pk):
        return {(one.day, one.what) for one in seal.check(now=THURSDAY_MORNING, **options).findings}


def test_each_day_has_one_seal_empty_days_too_and_each_holds_the_one_before(harbor):
    with use_practice(harbor.pk):
        rows = list(AuditSeal.objects.order_by("day"))
        assert [(row.day, row.count) for row in rows] == [(MONDAY + timedelta(days=n), n_rows) for n, n_rows in
                                                          enumerate((2, 0, 3))]  # fmt: skip
        assert [row.previous for row in rows] == [seal.genesis(harbor.pk), rows[0].hash, rows[1].hash]
        assert seal.seal_through(now=THURSDAY_MORNING) == []
    assert found(harbor) == set()


def test_a_day_is_sealed_an_hour_after_its_end_in_utc():
    assert seal.last_closed_day(datetime(2026, 11, 19, 0, 59, tzinfo=UTC)) == date(2026, 11, 17)
    assert seal.last_closed_day(datetime(2026, 11, 19, 1, 0, tzinfo=UTC)) == date(2026, 11, 18)


def test_every_column_of_an_event_and_of_a_seal_is_covered():
    assert {field.attname for field in AuditEvent._meta.concrete_fields} == set(seal.EVENT_COLUMNS)
    assert {field.attname for field in AuditSeal._meta.concrete_fields} - {"hash"} == set(seal.SEAL_COLUMNS)


CHANGED = {
    "id": "'00000000-0000-7000-8000-000000000001'",
    "at": "at + interval '1 microsecond'",
    "actor_kind": "'staff'",
    "actor_id": "'00000000-0000-7000-8000-000000000001'",
    "action": "'patient.reae'",
    "patient_id": "NULL",
    "patients": "ARRAY['00000000-0000-7000-8000-000000000001'::uuid]",
    "object_id": "'00000000-0000-7000-8000-000000000001'",
    "address": "'192.0.2.1'",
    "request_id": "'x'",
    "facts": "jsonb_set(facts, '{rows}', '11')",
}


@pytest.mark.parametrize("column", [column for column in seal.EVENT_COLUMNS if column != "practice_id"])
def test_a_change_in_any_column_of_one_event_is_found_on_its_day(harbor, column):
    with superuser() as cursor:
        cursor.execute(
            sql.SQL("UPDATE audit_auditevent SET {} = {} WHERE at = %s").format(
                sql.Identifier(column), sql.SQL(CHANGED[column])
            ),
            [at(MONDAY, 10)],
        )
        assert cursor.rowcount == 1
    assert found(harbor) == {(MONDAY, "an event was changed or exchanged")}


def test_an_event_given_to_another_practice_is_missed_here_and_found_there(harbor):
    other = PracticeFactory()
    with superuser() as cursor:
        cursor.execute("UPDATE audit_auditevent SET practice_id = %s WHERE at = %s", [str(other.pk), at(MONDAY, 10)])
    assert found(harbor) == {(MONDAY, "events removed: 1 found, 2 sealed")}
    assert found(other) == {(MONDAY, "events without a seal")}


SEAL_CHANGED = {
    "id": "'00000000-0000-7000-8000-000000000001'",
    "sealed_at": "sealed_at + interval '1 microsecond'",
    "count": "2",
    "first_id": "NULL",
    "last_id": "NULL",
    "digest": "overlay(digest placing '00' from 1)",
    "previous": "overlay(previous placing '00' from 1)",
    "hash": "overlay(hash placing '00' from 1)",
}


@pytest.mark.parametrize("column", SEAL_CHANGED)
def test_a_change_in_any_column_of_a_seal_is_found(harbor, column):
    wednesday = MONDAY + timedelta(days=2)
    with superuser() as cursor:
        cursor.execute(
            sql.SQL("UPDATE audit_auditseal SET {} = {} WHERE day = %s").format(
                sql.Identifier(column), sql.SQL(SEAL_CHANGED[column])
            ),
            [wednesday],
        )
    assert (wednesday, "the seal itself was changed") in found(harbor)


def test_a_seal_moved_to_another_day_is_found(harbor):
    with superuser() as cursor:
        cursor.execute("UPDATE audit_auditseal SET day = day + 1 WHERE day = %s", [MONDAY + timedelta(days=2)])
    assert {what for _day, what in found(harbor)} == {"no seal", "the seal itself was changed",
                                                      "events removed: 0 found, 3 sealed"}  # fmt: skip


def test_a_removed_an_added_and_two_exchanged_events_are_found(harbor):
    with superuser() as cursor:
        cursor.execute("DELETE FROM audit_auditevent WHERE at = %s", [at(MONDAY, 9)])
        cursor.execute("SET session_replication_role = replica")  # past the trigger
        cursor.execute(
            "INSERT INTO audit_auditevent (practice_id, at, actor_kind, action, request_id, facts, patients) "
            "VALUES (%s, %s, 'staff', 'patient.read', '', '{}', '{}')",
            [str(harbor.pk), at(MONDAY + timedelta(days=1))],
        )
        cursor.execute("SET session_replication_role = DEFAULT")
        cursor.execute(
            "UPDATE audit_auditevent SET at = CASE WHEN at = %(a)s THEN %(b)s ELSE %(a)s END "
            "WHERE at IN (%(a)s, %(b)s)",
            {"a": at(MONDAY + timedelta(days=2), 8), "b": at(MONDAY + timedelta(days=2), 9)},
        )
    assert found(harbor) == {
        (MONDAY, "events removed: 1 found, 2 sealed"),
        (MONDAY + timedelta(days=1), "events added: 1 found, 0 sealed"),
        (MONDAY + timedelta(days=2), "an event was changed or exchanged"),
    }


def test_days_removed_with_their_seals_are_found_at_either_end_and_in_the_middle(harbor):
    with use_practice(harbor.pk):
        newest = AuditSeal.objects.latest("day").hash
    with superuser() as cursor:
        cursor.execute("DELETE FROM audit_auditseal WHERE day = %s", [MONDAY])
        cursor.execute("DELETE FROM audit_auditevent WHERE at < %s", [at(MONDAY + timedelta(days=1), 0)])
    assert found(harbor) == {(MONDAY + timedelta(days=1), "the seal does not follow the one before it")}
    with superuser() as cursor:
        cursor.execute("DELETE FROM audit_auditseal WHERE day = %s", [MONDAY + timedelta(days=2)])
        cursor.execute("DELETE FROM audit_auditevent WHERE at >= %s", [at(MONDAY + timedelta(days=2), 0)])
    with use_practice(harbor.pk):
        later = seal.check(now=THURSDAY_MORNING + timedelta(days=1))
        assert (MONDAY + timedelta(days=2), "no seal") in {(one.day, one.what) for one in later.findings}
        assert not seal.holds(newest)  # what somebody kept elsewhere is missed


def test_who_has_only_the_database_cannot_make_a_seal(harbor, settings):
    with use_practice(harbor.pk):
        row = AuditSeal.objects.latest("day")
        assert row.hash == crypto.seal_mac(harbor.pk, row.key_id, b"1|" + seal.canonical(row, seal.SEAL_COLUMNS))
        assert row.hash != crypto.seal_mac(ids.uuid7(), row.key_id, b"1|" + seal.canonical(row, seal.SEAL_COLUMNS))
        with pytest.raises(crypto.UnknownKey):
            crypto.seal_mac(harbor.pk, "gone", b"")


def test_the_application_can_neither_change_nor_remove_a_seal_or_an_event(harbor):
    with use_practice(harbor.pk):
        for rows in (AuditSeal.objects, AuditEvent.objects):
            with pytest.raises(Error), transaction.atomic():
                rows.update(practice_id=harbor.pk)
            with pytest.raises(Error), transaction.atomic():
                rows.all()._raw_delete("default")


def test_a_sealed_day_takes_no_event_and_the_day_after_does(harbor):
    with use_practice(harbor.pk):
        with pytest.raises(IntegrityError, match="2026-11-17 is sealed"), transaction.atomic():
            record("patient.read", now=at(MONDAY + timedelta(days=1)))
        record("patient.read", now=at(MONDAY + timedelta(days=3)))
    assert found(harbor) == set()


def test_sealing_waits_for_an_event_that_is_being_written():
    practice = PracticeFactory()
    with use_practice(practice.pk):
        record("patient.read", now=at(MONDAY))
    written, sealed, counts = threading.Event(), threading.Event(), []

    def seal_it() -> None:
        with use_practice(practice.pk):
            written.wait(10)
            counts.extend(row.count for row in seal.seal_through(now=at(MONDAY + timedelta(days=1), 2)))
        sealed.set()
        connections.close_all()

    other = threading.Thread(target=seal_it)
    other.start()
    with use_practice(practice.pk):
        record("patient.read", now=at(MONDAY, 13))
        written.set()
        assert not sealed.wait(0.5)
    other.join(10)
    assert counts == [2]


def test_two_sealers_at_once_make_one_seal_a_day():
    practice = PracticeFactory()
    with use_practice(practice.pk):
        record("patient.read", now=at(MONDAY))

    def seal_it() -> None:
        with use_practice(practice.pk):
            seal.seal_through(now=THURSDAY_MORNING)
        connections.close_all()

    both = [threading.Thread(target=seal_it) for _ in range(2)]
    [one.start() for one in both]
    [one.join(20) for one in both]
    with use_practice(practice.pk):
        assert AuditSeal.objects.count() == 3
    assert found(practice) == set()


def test_the_task_seals_every_practice_that_needs_it_suspended_ones_too_and_checks_it(harbor):
    quiet, suspended = PracticeFactory(), PracticeFactory(suspended_at=clock.now())
    with use_practice(suspended.pk):
        record("patient.read", now=at(MONDAY))
    assert set(platform.practices_with_audit_work(date(2026, 11, 18))) == {suspended.pk}
    with use_practice(suspended.pk), clock.at(THURSDAY_MORNING):
        tasks.seal_practice.run()
        assert AuditSeal.objects.count() == 3
        [check] = AuditCheck.objects.all()
        assert (check.days, check.events, check.findings, check.through) == (3, 1, [], date(2026, 11, 18))
        assert check.finished_at
    assert platform.practices_with_audit_work(date(2026, 11, 18)) == []
    assert set(platform.practices_with_audit_work(date(2026, 11, 19))) == {harbor.pk, suspended.pk}
    with use_practice(quiet.pk):
        assert AuditSeal.objects.count() == 0


def test_a_check_in_slices_ends_as_one_in_one_go(harbor):
    with superuser() as cursor:
        cursor.execute(
            "UPDATE audit_auditevent SET request_id = 'x' WHERE at >= %s", [at(MONDAY + timedelta(days=2), 0)]
        )
    with use_practice(harbor.pk):
        checks.begin(now=THURSDAY_MORNING)
        slices = 1
        while checks.go_on(now=THURSDAY_MORNING, seconds=0):
            slices += 1
        check = checks.newest()
    assert slices == 3
    assert (check.days, check.events) == (3, 5)
    assert check.findings == [{"day": "2026-11-18", "what": "an event was changed or exchanged"}]


def test_the_command_says_where_and_ends_with_1(harbor):
    out = StringIO()
    with clock.at(THURSDAY_MORNING):
        call_command("audit_verify", stdout=out)
        assert out.getvalue() == "harbor: ok, 3 days, 5 events through 2026-11-18\n"
        with superuser() as cursor:
            cursor.execute("UPDATE audit_auditevent SET action = 'patient.rebd' WHERE at = %s", [at(MONDAY, 10)])
        with pytest.raises(CommandError, match="1 practice was changed") as raised:
            call_command("audit_verify", "--practice=harbor", stdout=out)
        assert raised.value.returncode == 1
        assert "harbor 2026-11-16: an event was changed or exchanged" in out.getvalue()
        call_command("audit_verify", "--practice=harbor", "--from=2026-11-17", "--to=2026-11-18", stdout=out)
    with pytest.raises(CommandError, match="is not a day"):
        call_command("audit_verify", "--from=yesterday")
    with pytest.raises(CommandError, match="no practice"):
        call_command("audit_verify", "--practice=nowhere")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--from=2026-13-01"], "--from: “2026-13-01” is not a day"),
        (["--to="], "--to: “” is not a day"),
        (["--from=2026-11-18", "--to=2026-11-16"], "--to 2026-11-16 is before --from 2026-11-18"),
        (["--from=2025-01-01", "--to=2025-01-31"], "nothing was checked"),
        (["--practice="], "--practice: nothing is given"),
        (["--practice=harbor", "--known="], "--known: nothing is given"),
    ],
)
def test_a_question_that_checks_nothing_is_no_ok_and_no_alarm(harbor, arguments, told):
    out = StringIO()
    with clock.at(THURSDAY_MORNING), pytest.raises(CommandError, match=told) as raised:
        call_command("audit_verify", *arguments, stdout=out)
    assert raised.value.returncode == 2
    assert "ok" not in out.getvalue()


def test_a_practice_of_which_nothing_is_sealed_yet_is_told_so():
    practice = PracticeFactory(slug="new")
    out = StringIO()
    call_command("audit_verify", f"--practice={practice.slug}", stdout=out)
    assert out.getvalue() == "new: nothing is sealed, 0 days, 0 events\n"
