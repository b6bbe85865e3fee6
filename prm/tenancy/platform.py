"""What runs across practices, all of it: named functions on the alias `platform` (role prm_platform, BYPASSRLS).

Nothing else in the product may read without a practice; a test lists the functions of this module exhaustively.
They return ids and counts, never a person's data.
"""

from uuid import UUID

from django.db import connections

ALIAS = "platform"


def practice_ids() -> list[UUID]:
    """Every practice that is not suspended, in no particular order: for nightly jobs that visit each."""
    return _column("SELECT id FROM accounts_practice WHERE suspended_at IS NULL")


def _column(statement: str, parameters: list | None = None) -> list:
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(statement, parameters or [])
        return [row[0] for row in cursor.fetchall()]
