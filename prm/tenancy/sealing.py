"""A migration's step that encrypts columns which were stored as they were typed (security.md section 3)."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.db import migrations
from psycopg2 import sql

from prm import crypto
from prm.tenancy.context import use_practice


def seal_columns(table: str, columns: Mapping[str, str]) -> migrations.RunPython:
    """Fill the encrypted columns (values) of a practice's table from the plain ones (keys); back again in reverse.

    The ciphertexts are of the form that needs no data key of the practice, so that no other table is asked; `keys
    rotate` brings them under it.
    """

    def seal(_apps: Any, editor: Any) -> None:
        def of_row(practice: UUID, row: UUID, texts: list[str]) -> dict[str, str | bytes]:
            return {
                name: crypto.encrypt_without_data_key(
                    text.encode(), practice_id=practice, table=table, row=row, column=name
                ) if text else b""
                for name, text in zip(columns.values(), texts, strict=True)
            }  # fmt: skip

        _rewrite(editor.connection, table, list(columns), of_row)

    def open_again(_apps: Any, editor: Any) -> None:
        def of_row(practice: UUID, row: UUID, sealed: list[bytes]) -> dict[str, str | bytes]:
            with use_practice(practice):
                return {
                    plain: crypto.decrypt(
                        value, practice_id=practice, table=table, row=row, column=name
                    ).decode() if value else ""
                    for (plain, name), value in zip(columns.items(), sealed, strict=True)
                }  # fmt: skip

        _rewrite(editor.connection, table, list(columns.values()), of_row)

    return migrations.RunPython(seal, open_again)


def _rewrite(connection: Any, table: str, columns: list[str], of_row: Callable[..., Mapping[str, str | bytes]]) -> None:
    """Give every row that holds something in `columns` what `of_row(practice, row, values)` makes of them.

    The owner sees no row of a practice under FORCE: it is lifted meanwhile, in the migration's transaction.
    """
    name = sql.Identifier(table)
    filled = sql.SQL(" OR ").join(sql.SQL("octet_length({}) > 0").format(sql.Identifier(one)) for one in columns)
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY").format(name))
        cursor.execute(
            sql.SQL("SELECT practice_id, id, {} FROM {} WHERE {}").format(
                sql.SQL(", ").join(map(sql.Identifier, columns)), name, filled
            )
        )
        for practice, row, *values in cursor.fetchall():
            made = of_row(practice, row, values)
            changes = sql.SQL(", ").join(sql.SQL("{} = %s").format(sql.Identifier(one)) for one in made)
            cursor.execute(sql.SQL("UPDATE {} SET {} WHERE id = %s").format(name, changes), [*made.values(), row])
        cursor.execute(sql.SQL("ALTER TABLE {} FORCE ROW LEVEL SECURITY").format(name))
