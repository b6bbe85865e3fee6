"""Partitioned tables: append-only ones by month of `at`, decisions by hash of practice (bench.md §5).

A partition does not inherit its parent's policy, and default privileges let the application read it directly: every
partition gets its own ENABLE, FORCE and policy (tried on 18.6), and the application has no right on it of its own:
through the parent only the parent's rights count.
"""

from abc import ABC, abstractmethod
from datetime import UTC, date, datetime
from typing import Any

from django.db import IntegrityError, migrations, transaction
from psycopg2 import sql

from prm.tenancy.walls import OWN_PRACTICE

HASH_PARTITIONS = 16

WALL = (
    "ALTER TABLE {part} ENABLE ROW LEVEL SECURITY; ALTER TABLE {part} FORCE ROW LEVEL SECURITY; "
    "CREATE POLICY wall ON {part} USING (" + OWN_PRACTICE + "); REVOKE ALL ON {part} FROM prm_app"
)


class _CreatePartitionedModel(migrations.CreateModel, ABC):
    """CreateModel of a partitioned table: the Django key stays `id`, the table's carries the partition column."""

    key: tuple[str, ...] = ()
    partition_by = ""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = to_state.apps.get_model(app_label, self.name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        create, params = schema_editor.table_sql(model)
        key_column = f'"{model._meta.pk.column}"'
        head, tail = create.split(key_column, 1)
        tail = tail.replace(" PRIMARY KEY", "", 1)
        columns = ", ".join(f'"{column}"' for column in self.key)
        body = f"{head}{key_column}{tail}"[: -1 if create.endswith(")") else None]
        schema_editor.execute(f"{body}, PRIMARY KEY ({columns})) PARTITION BY {self.partition_by}", params or None)
        for part in self.first_partitions(model._meta.db_table):
            schema_editor.execute(part)
        schema_editor.deferred_sql.extend(schema_editor._model_indexes_sql(model))

    @abstractmethod
    def first_partitions(self, table: str) -> list[str]:
        """The statements that make the partitions which a new table starts with."""


class CreateMonthlyModel(_CreatePartitionedModel):
    """A table partitioned by month of `at`; what no month fits lands in the default partition."""

    key = ("practice_id", "id", "at")
    partition_by = "RANGE (at)"

    def first_partitions(self, table: str) -> list[str]:
        """The default partition; `manage.py partitions` makes the months."""
        return [f'CREATE TABLE "{table}_default" PARTITION OF "{table}" DEFAULT', _wall(f"{table}_default")]


class CreateHashedModel(_CreatePartitionedModel):
    """A table partitioned by hash of the practice, so that a unique key that starts with it stays possible."""

    key = ("practice_id", "id")
    partition_by = "HASH (practice_id)"

    def first_partitions(self, table: str) -> list[str]:
        """All of its partitions."""
        made = []
        for remainder in range(HASH_PARTITIONS):
            part = f"{table}_{remainder:02d}"
            made += [
                f'CREATE TABLE "{part}" PARTITION OF "{table}" FOR VALUES '
                f"WITH (MODULUS {HASH_PARTITIONS}, REMAINDER {remainder})",
                _wall(part),
            ]
        return made


def _wall(part: str) -> str:
    return WALL.replace("{part}", f'"{part}"')


def monthly_tables(connection: Any) -> list[str]:
    """Names of the tables that are partitioned by range, sorted."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_partitioned_table p JOIN pg_class c ON c.oid = p.partrelid "
            "WHERE p.partstrat = 'r' ORDER BY 1"
        )
        return [name for (name,) in cursor.fetchall()]


def ensure_months(connection: Any, *, now: datetime, ahead: int = 3) -> list[str]:
    """Create the partitions of this month (UTC) and `ahead` further ones where they are missing; returns the new names.

    As `prm_owner`. A month whose rows already lie in the default partition is left there.
    """
    made = []
    for table in monthly_tables(connection):
        for offset in range(ahead + 1):
            first, after = _month(now.astimezone(UTC).date(), offset), _month(now.astimezone(UTC).date(), offset + 1)
            name = f"{table}_{first:%Y_%m}"
            if _create_month(connection, table, name, first, after):
                made.append(name)
    return made


def _create_month(connection: Any, table: str, name: str, first: date, after: date) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", [f'"{name}"'])
        if cursor.fetchone()[0]:
            return False
        bounds = [datetime(d.year, d.month, 1, tzinfo=UTC).isoformat() for d in (first, after)]
        try:
            with transaction.atomic(using=connection.alias):
                cursor.execute(
                    sql.SQL("CREATE TABLE {} PARTITION OF {} FOR VALUES FROM (%s) TO (%s)").format(
                        sql.Identifier(name), sql.Identifier(table)
                    ),
                    bounds,
                )
                cursor.execute(_wall(name))
        except IntegrityError:  # the default partition holds rows of this month; the owner may not look (FORCE)
            return False
        return True


def _month(day: date, offset: int) -> date:
    months = day.year * 12 + day.month - 1 + offset
    return date(months // 12, months % 12 + 1, 1)
