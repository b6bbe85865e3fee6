"""What PostgreSQL itself says about the walls: read from its catalogue, as the test of security.md I1 does."""

from dataclasses import dataclass
from typing import Any

from django.db import connection


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """One foreign key of a table: its columns, what it refers to."""

    name: str
    table: str
    columns: tuple[str, ...]
    to: str
    to_columns: tuple[str, ...]


def rows(statement: str, parameters: list[Any] | None = None) -> list[tuple]:
    """The rows of a query on the catalogue, as the application."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or [])
        return cursor.fetchall()


def tables() -> set[str]:
    """Every table of ours, partitions included."""
    return {
        name
        for (name,) in rows(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        )
    }


def tenant_tables(*, partitions: bool = True) -> set[str]:
    """Those with a `practice_id`."""
    found = rows(
        "SELECT c.relname, c.relispartition FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
        "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.attname = 'practice_id' "
        "AND NOT a.attisdropped"
    )
    return {name for name, is_partition in found if partitions or not is_partition}


def partitions() -> set[str]:
    """Tables that are a part of another one."""
    return {name for (name,) in rows("SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'")}


def foreign_keys() -> list[ForeignKey]:
    """Every foreign key between tables of ours, partitions left out (they inherit their parent's)."""
    found = rows(
        "SELECT k.conname, c.relname, "
        "  (SELECT array_agg(attname::text ORDER BY n) FROM unnest(k.conkey) WITH ORDINALITY u(num, n) "
        "   JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.num), "
        "  f.relname, "
        "  (SELECT array_agg(attname::text ORDER BY n) FROM unnest(k.confkey) WITH ORDINALITY u(num, n) "
        "   JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.num) "
        "FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class f ON f.oid = k.confrelid "
        "WHERE k.contype = 'f' AND NOT c.relispartition"
    )
    return [ForeignKey(name, table, tuple(ours), to, tuple(theirs)) for name, table, ours, to, theirs in found]


def unique_indexes() -> list[tuple[str, str, tuple[str | None, ...]]]:
    """(table, index, columns in order; None for an expression) of unique indexes that are no primary key."""
    found = rows(
        "SELECT c.relname, i.relname, "
        "  (SELECT array_agg(a.attname::text ORDER BY n) FROM unnest(x.indkey) WITH ORDINALITY u(num, n) "
        "   LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.num AND u.num > 0) "
        "FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid "
        "WHERE x.indisunique AND NOT x.indisprimary AND c.relnamespace = 'public'::regnamespace"
    )
    return [(table, index, tuple(columns)) for table, index, columns in found]
