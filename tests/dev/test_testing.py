"""The test database is the product's: roles, walls and quick resets."""

import pytest
from django.db import connections


def who(alias: str) -> tuple[str, bool, bool, str]:
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT current_user, rolsuper, rolbypassrls, current_database() FROM pg_roles WHERE rolname = current_user"
        )
        return cursor.fetchone()


@pytest.mark.django_db(transaction=True)
def test_each_alias_is_its_role_in_one_database():
    found = {alias: who(alias) for alias in ("default", "owner", "platform")}

    database = connections["default"].settings_dict["NAME"]
    assert database.startswith("prm_test_")
    assert found == {
        "default": ("prm_app", False, False, database),
        "owner": ("prm_owner", False, False, database),
        "platform": ("prm_platform", False, True, database),
    }


@pytest.mark.parametrize("attempt", [1, 2])
@pytest.mark.django_db(transaction=True)
def test_committed_rows_are_gone_in_the_next_test(attempt):
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM django_session")
        assert cursor.fetchone() == (0,)
        cursor.execute("INSERT INTO django_session VALUES (%s, '', now())", [f"row{attempt}"])


@pytest.mark.django_db(transaction=True)
def test_rows_that_migrations_made_survive_a_reset():
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT count(*) > 10 FROM django_content_type")
        assert cursor.fetchone() == (True,)
