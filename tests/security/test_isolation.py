"""I2 and I3: every table, with no practice set and from another practice, in real transactions.

Each test first makes rows that could leak.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import Error, connection, models, transaction

from accounts.models import Practice
from prm.ids import uuid7
from prm.tenancy import NoPractice, use_practice
from prm.tenancy.models import PracticeModel
from tests.factories.accounts import PracticeFactory
from tests.security import rows

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.without_practice]
every_model = pytest.mark.parametrize("model", rows.tenant_models(), ids=lambda model: model._meta.label)

NO_RIGHT, BY_TRIGGER = "42501", "P0001"  # also what a policy says about a new row; what our triggers raise
REFUSALS = {NO_RIGHT, BY_TRIGGER}


def theirs_and_ours(model: type[PracticeModel]) -> tuple[Practice, Practice, PracticeModel, PracticeModel]:
    """Two practices and a row of `model` in each; the first practice is the one to be kept out."""
    us, them = PracticeFactory(), PracticeFactory()
    with use_practice(them.pk):
        foreign = rows.make(model)
    with use_practice(us.pk):
        own = rows.make(model)
    return us, them, foreign, own


def tried(statement: str, parameters: list | None = None) -> tuple[int, str]:
    """Rows that a statement saw or changed, and the SQLSTATE of its refusal, empty for none. Always undone."""
    count = 0
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(statement, parameters or [])
                count = cursor.rowcount
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            transaction.set_rollback(True)
    except Error as problem:
        return count, problem.__cause__.pgcode
    return count, ""


def affected(statement: str, parameters: list | None = None) -> int:
    """Rows that a statement saw or changed; a refusal is none, a statement that is wrong in itself fails the test."""
    count, refusal = tried(statement, parameters)
    assert refusal == "" or refusal in REFUSALS or refusal.startswith("23"), f"{refusal}: {statement}"
    return 0 if refusal else count


@contextmanager
def refused() -> Iterator[None]:
    """The block must end in a refusal by the database, constraints that wait for the commit included."""
    try:
        with transaction.atomic():
            yield
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except Error:
        return
    pytest.fail("the database took it")


@every_model
def test_i2_without_a_practice_no_row_is_seen_changed_or_deleted(model):
    theirs_and_ours(model)
    table = connection.ops.quote_name(model._meta.db_table)

    found = {
        "select": affected(f"SELECT 1 FROM {table}"),
        "update": affected(f"UPDATE {table} SET id = id"),
        "delete": affected(f"DELETE FROM {table}"),
    }

    assert found == {"select": 0, "update": 0, "delete": 0}
    with pytest.raises(NoPractice):
        model.objects.count()


@every_model
def test_i3_another_practices_row_cannot_be_read(model):
    us, _them, foreign, own = theirs_and_ours(model)
    table = connection.ops.quote_name(model._meta.db_table)
    with use_practice(us.pk):
        assert affected(f"SELECT 1 FROM {table} WHERE id = %s", [str(foreign.pk)]) == 0
        assert affected(f"SELECT 1 FROM {table} WHERE practice_id <> %s", [str(us.pk)]) == 0
        assert not model.objects.filter(pk=foreign.pk).exists()
        assert str(own.pk) in {str(pk) for pk in model.objects.values_list("pk", flat=True)}
        with pytest.raises(model.DoesNotExist):
            foreign.refresh_from_db()


@every_model
def test_i3_another_practices_row_cannot_be_changed_or_deleted(model):
    us, them, foreign, _own = theirs_and_ours(model)
    table = connection.ops.quote_name(model._meta.db_table)
    with use_practice(us.pk):
        assert affected(f"UPDATE {table} SET id = id WHERE id = %s", [str(foreign.pk)]) == 0
        assert affected(f"UPDATE {table} SET practice_id = %s WHERE id = %s", [str(us.pk), str(foreign.pk)]) == 0
        assert affected(f"DELETE FROM {table} WHERE id = %s", [str(foreign.pk)]) == 0
    with use_practice(them.pk):
        assert model.objects.filter(pk=foreign.pk).exists()


@every_model
def test_i3_control_the_same_statements_reach_the_own_row(model):
    """Else the refusals above would prove nothing: what the application may do at all, it can do to its own row."""
    us, _them, _foreign, own = theirs_and_ours(model)
    table, named = connection.ops.quote_name(model._meta.db_table), model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT has_column_privilege(%s, 'id', 'UPDATE'), has_table_privilege(%s, 'DELETE')", [named, named]
        )
        rights = cursor.fetchone()
    with use_practice(us.pk):
        assert affected(f"SELECT 1 FROM {table} WHERE id = %s", [str(own.pk)]) == 1
        for allowed, statement in zip(rights, (f"UPDATE {table} SET id = id", f"DELETE FROM {table}"), strict=True):
            count, refusal = tried(f"{statement} WHERE id = %s", [str(own.pk)])
            if not allowed:
                assert (count, refusal) == (0, NO_RIGHT)
            else:
                assert count == 1 or refusal == BY_TRIGGER or refusal.startswith("23"), (statement, count, refusal)


@every_model
def test_i3_a_row_cannot_be_put_into_another_practice(model):
    us, them, foreign, own = theirs_and_ours(model)
    with use_practice(us.pk):
        with refused():
            foreign.pk = uuid7()
            foreign._state.adding = True
            foreign.save(force_insert=True)
        with refused():
            model.objects.filter(pk=own.pk).update(practice_id=them.pk)


@every_model
def test_i3_a_row_cannot_point_at_another_practices_row(model):
    us, them, _foreign, own = theirs_and_ours(model)
    keys = [
        field
        for field in model._meta.concrete_fields
        if isinstance(field, models.ForeignKey) and issubclass(field.related_model, PracticeModel)
    ]
    for field in keys:
        with use_practice(them.pk):
            target = rows.make(field.related_model)
        with use_practice(us.pk), refused():
            assert model.objects.filter(pk=own.pk).update(**{field.attname: target.pk}) == 1
