"""A migration encrypts what was stored as it was typed, for every practice, and gives it back in reverse."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connections, transaction

from prm import crypto
from prm.ids import uuid7
from prm.tenancy.sealing import seal_columns
from prm.tenancy.walls import OWN_PRACTICE
from tests.factories.accounts import PracticeFactory

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


def test_texts_of_all_practices_are_sealed_and_come_back():
    practices = [PracticeFactory().pk for _ in range(2)]
    step: Any = seal_columns("probe", {"plain": "sealed", "other_plain": "other"})
    rows = [
        (uuid7(), practices[0], "Ruth told", ""),
        (uuid7(), practices[1], "Ana", "ñ’s"),
        (uuid7(), practices[1], "", ""),
    ]
    owner = connections["owner"]
    editor = SimpleNamespace(connection=owner)
    with transaction.atomic(using="owner"), owner.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE probe (id uuid, practice_id uuid, plain text DEFAULT '', other_plain text DEFAULT '',"
            " sealed bytea DEFAULT '', other bytea DEFAULT '')"
        )
        for row in rows:
            cursor.execute("INSERT INTO probe (id, practice_id, plain, other_plain) VALUES (%s, %s, %s, %s)", row)
        cursor.execute("ALTER TABLE probe ENABLE ROW LEVEL SECURITY; ALTER TABLE probe FORCE ROW LEVEL SECURITY")
        cursor.execute(f"CREATE POLICY probe_wall ON probe USING ({OWN_PRACTICE})")

        step.code(None, editor)
        cursor.execute("SELECT relforcerowsecurity FROM pg_class WHERE relname = 'probe'")
        assert cursor.fetchall() == [(True,)]
        cursor.execute(
            "ALTER TABLE probe NO FORCE ROW LEVEL SECURITY; SELECT id, practice_id, sealed, other FROM probe"
        )
        sealed = cursor.fetchall()
        assert {opened(row) for row in sealed} == set(rows)
        assert not any(b"Ruth" in bytes(row[2]) for row in sealed)

        cursor.execute("UPDATE probe SET plain = '', other_plain = ''")
        step.reverse_code(None, editor)
        cursor.execute(
            "ALTER TABLE probe NO FORCE ROW LEVEL SECURITY; SELECT id, practice_id, plain, other_plain FROM probe"
        )
        assert set(cursor.fetchall()) == set(rows)
        transaction.set_rollback(True, using="owner")  # the table was for this test only


def opened(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """The row with its texts open."""
    key, practice, *values = row
    texts = [
        crypto.decrypt(value, practice_id=practice, table="probe", row=key, column=name).decode() if value else ""
        for name, value in zip(("sealed", "other"), values, strict=True)
    ]
    return (key, practice, *texts)
