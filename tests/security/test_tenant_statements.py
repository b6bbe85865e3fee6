"""The watcher of I4 sees what it must see."""

import pytest
from django.db import connection

from prm.tenancy import use_practice
from tests.factories.accounts import ClinicFactory, PracticeFactory
from tests.security import tenant_statements

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.without_practice]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT count(*) FROM accounts_clinic",
        'SELECT 1 FROM "accounts_practice" p JOIN "accounts_clinic" c ON c.practice_id = p.id',
        "UPDATE public.accounts_clinic SET name = ''",
        "DELETE FROM ONLY accounts_clinic",
    ],
)
def test_a_statement_on_a_tenant_table_outside_a_practice_is_noted(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
    assert [note.partition(":")[0] for note in tenant_statements._found] == ["accounts_clinic"]


def test_within_a_practice_and_on_global_tables_there_is_nothing_to_note():
    practice = PracticeFactory()
    with use_practice(practice.pk):
        ClinicFactory()
    assert tenant_statements._found == []
