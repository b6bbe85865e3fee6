"""Every encrypted column of the product, found by walking the models, and its re-encryption under the newest key.

The rule: a BinaryField holds a ciphertext whose place is its own table, column and row. A model that differs says so:
`plain_columns` names columns that are no secret (bytes that everybody may fetch), `sealed_for` the field that stands
in the ciphertext in place of the primary key.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import connection, models, transaction
from psycopg2 import sql

from prm import crypto
from prm.tenancy.context import use_practice
from prm.tenancy.models import PracticeModel

SLICE = 500  # rows a transaction


@dataclass(frozen=True, slots=True)
class EncryptedColumn:
    """One column; `row` names the column whose value stands in the ciphertext as the row."""

    model: type[models.Model]
    name: str
    row: str

    @property
    def is_practices(self) -> bool:
        """True for a practice's table, False for a global one."""
        return issubclass(self.model, PracticeModel)

    @property
    def table(self) -> str:
        """The table's name."""
        return self.model._meta.db_table

    def open(self, sealed: bytes | memoryview, *, practice_id: UUID | None, row: Any) -> bytes:
        """The plain bytes; empty where nothing is stored. CannotDecrypt."""
        if not sealed:
            return b""
        return crypto.decrypt(sealed, practice_id=practice_id, table=self.table, row=row, column=self.name)

    def seal(self, plain: bytes, *, practice_id: UUID | None, row: Any) -> bytes:
        """The ciphertext under the newest key; empty for nothing."""
        if not plain:
            return b""
        return crypto.encrypt(plain, practice_id=practice_id, table=self.table, row=row, column=self.name)


def encrypted_columns() -> list[EncryptedColumn]:
    """All of them, by table and column."""
    found = [
        EncryptedColumn(model, str(field.column), str(getattr(model, "sealed_for", model._meta.pk.column)))
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.local_concrete_fields
        if isinstance(field, models.BinaryField) and field.name not in getattr(model, "plain_columns", ())
    ]
    return sorted(found, key=lambda column: (column.table, column.name))


@dataclass
class Rotated:
    """What a run did with one column: rows under the newest key now, and rows that no key of ours opens."""

    column: EncryptedColumn
    changed: int = 0
    unreadable: int = 0


def reencrypt(
    column: EncryptedColumn, practice_id: UUID | None, *, each: Callable[[Rotated], None] = lambda done: None
) -> Rotated:
    """Bring a column of a practice (None: a global table) under the newest key, a slice a transaction.

    Safe to stop and begin again: rows that are under the newest key are passed over. Safe beside writers: a row that
    changed since it was read keeps what was written. `each` is called after each slice.
    """
    done = Rotated(column)
    after: Any = UUID(int=0) if isinstance(column.model._meta.pk, models.UUIDField) else 0
    while after is not None:
        after = _in(practice_id, lambda begin=after: _slice(column, practice_id, begin, done))
        each(done)
    return done


def _in(practice_id: UUID | None, call: Callable[[], Any]) -> Any:
    if practice_id is None:
        with transaction.atomic():
            return call()
    with use_practice(practice_id):
        return call()


def _slice(column: EncryptedColumn, practice_id: UUID | None, after: Any, done: Rotated) -> Any:
    """Re-encrypt the next rows by primary key; the last one's key, None at the end."""
    rows = list(_stale(column, practice_id, after))
    for key, row, sealed in rows:
        try:
            plain = column.open(sealed, practice_id=practice_id, row=row)
        except crypto.CannotDecrypt:
            done.unreadable += 1
            continue
        done.changed += _swap(column, key, bytes(sealed), column.seal(plain, practice_id=practice_id, row=row))
    return rows[-1][0] if len(rows) == SLICE else None


def _stale(column: EncryptedColumn, practice_id: UUID | None, after: Any) -> Iterator[tuple[Any, Any, memoryview]]:
    """(primary key, row, ciphertext) of rows beyond `after` that are not under the newest key; partitions too."""
    statement = sql.SQL(
        "SELECT {key}, {row}, {column} FROM {table} WHERE {key} > %s AND length({column}) > 0 "
        "AND substring({column} FROM 1 FOR 5) <> %s ORDER BY {key} LIMIT %s"
    ).format(
        key=sql.Identifier(column.model._meta.pk.column), row=sql.Identifier(column.row),
        column=sql.Identifier(column.name), table=sql.Identifier(column.table),
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(statement, [str(after), crypto.current_prefix(practice_id), SLICE])
        yield from cursor.fetchall()


def _swap(column: EncryptedColumn, key: Any, old: bytes, new: bytes) -> int:
    """1 where the row still held `old`; 0 where somebody wrote meanwhile, under the newest key or to be found again."""
    statement = sql.SQL("UPDATE {table} SET {column} = %s WHERE {key} = %s AND {column} = %s").format(
        key=sql.Identifier(column.model._meta.pk.column), column=sql.Identifier(column.name),
        table=sql.Identifier(column.table),
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(statement, [new, str(key), old])
        return cursor.rowcount
