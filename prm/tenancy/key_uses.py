"""What still needs a master key: the question before one is taken out of PRM_MASTER_KEYS for good."""

import json
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import connection
from psycopg2 import sql

from prm.tenancy import closing, data_keys, use_practice
from prm.tenancy.encrypted import EncryptedColumn, encrypted_columns
from prm.tenancy.models import DataKey

DERIVED = b"\x01"  # the version of ciphertexts whose key is derived from a master (prm.crypto)


def uses(master: str, *, archives: Path) -> Iterator[str]:
    """Each thing that needs the key, as a sentence; none where it can go. `archives`: a folder of sealed archives.

    Looks at every practice's data keys, seals and ciphertexts, at what belongs to none, and into each archive, whose
    own seals may be of other keys than the one that opens it. BadArchive where one cannot be read.
    """
    if master == data_keys.current_master():
        yield f"{master} encrypts: it is the first of PRM_MASTER_KEYS. Put another first, then `keys rotate --rewrap`."
    for practice in apps.get_model("accounts.Practice").objects.order_by("slug"):
        yield from _of_practice(practice, master)
    for column in encrypted_columns():
        if not column.is_practices and (count := _ciphertexts(column, master, None)):
            yield f"{count} rows of {column.table} are encrypted under {master}: `keys rotate --rewrap` mends that."
    for path in sorted(archives.glob("*.prm")):
        yield from _of_archive(path, master)


def _of_practice(practice: Any, master: str) -> Iterator[str]:
    with use_practice(practice.pk):
        wrapped = DataKey.objects.filter(master=master).count()
        seals = apps.get_model("audit.AuditSeal").objects.filter(key_id=master)
        days, newest = seals.count(), seals.order_by("-day").values_list("day", flat=True).first()
    if wrapped:
        yield f"{practice.slug}: {wrapped} data keys are wrapped by {master}: `keys rotate --rewrap` mends that."
    for column in encrypted_columns():
        if column.is_practices and (count := _ciphertexts(column, master, practice.pk)):
            yield f"{practice.slug}: {count} rows of {column.table} need {master} to be read: `keys rotate` mends that."
    if days:
        yield (
            f"{practice.slug}: {master} signed {days} days of the record, the last one {newest}; "
            "without it they cannot be checked, for six years."
        )


def _ciphertexts(column: EncryptedColumn, master: str, practice_id: UUID | None) -> int:
    statement = sql.SQL("SELECT count(*) FROM {} WHERE substring({} from 1 for 5) = %s").format(
        sql.Identifier(column.table), sql.Identifier(column.name)
    )
    with use_practice(practice_id) if practice_id else nullcontext(), connection.cursor() as cursor:
        cursor.execute(statement, [DERIVED + master.encode()])
        return cursor.fetchone()[0]


def _of_archive(path: Path, master: str) -> Iterator[str]:
    with path.open("rb") as file:
        if file.readline() != closing.MAGIC:
            raise closing.BadArchive(f"{path.name}: not an archive of ours")
        opens = json.loads(file.readline())["master"]
    if opens == master:
        yield f"Archive {path.name} opens with {master} alone; keep both for six years from the erasure."
        return
    rows = closing.read_archive(path)
    if days := sum(row["model"] == "audit.AuditSeal" and row["key_id"] == master for row in rows):
        yield f"Archive {path.name} holds {days} days of the record that {master} signed."
