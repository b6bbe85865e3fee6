"""All of a practice's data as a documented archive: every tenant table by walking `_meta`, decrypted, as JSON lines.

Made in slices with the cursor in the database; each slice is one encrypted part in the file storage, written before its
row is. A slice that was killed is made again under the same name. The ZIP itself is put together while it is fetched.
"""

import base64
import contextlib
import json
import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from io import RawIOBase
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.apps import apps
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from prm import crypto
from prm.tenancy.context import current_practice_id
from prm.tenancy.encrypted import EncryptedColumn, encrypted_columns
from prm.tenancy.models import DataKey, PracticeExport, PracticeModel

SCHEMA = "prm.export/1"
KEPT_FOR = timedelta(days=7)
ROWS_A_SLICE = 1_000
# Secrets with which somebody could act as the practice; everything else is in the archive.
SECRETS = frozenset({"credentials", "token_hash", "key_hash", "secret_hash", "sealed_key", "context", "sealed_body"})


def models_of_a_practice() -> list[type[PracticeModel]]:
    """The models whose rows an export holds, by label: all of the practice's but keys and exports."""
    found = [
        model
        for model in apps.get_models(include_auto_created=True)
        if issubclass(model, PracticeModel) and model is not DataKey and not getattr(model, "export_leaves_out", False)
    ]
    return sorted(found, key=lambda model: model._meta.label)


def columns_of(model: type[models.Model]) -> list[models.Field]:
    """The columns of a model that an export holds, in the table's order."""
    return [field for field in model._meta.concrete_fields if field.column not in SECRETS]


def begin(*, by: UUID, now: datetime) -> PracticeExport:
    """The export that is being made, or a new one; `go_on` makes it."""
    found = PracticeExport.objects.filter(finished_at=None).first()
    if found is not None:
        return found
    made = PracticeExport(
        practice_id=current_practice_id(), asked_by=by, asked_at=now, label=models_of_a_practice()[0]._meta.label,
        total=sum(model.objects.count() for model in models_of_a_practice()),
    )  # fmt: skip
    made.sealed_key = crypto.encrypt(AESGCM.generate_key(256), **_place(made))
    made.save(force_insert=True)
    return made


def latest(*, now: datetime) -> PracticeExport | None:
    """The newest export that can be fetched at `now` (aware); None where there is none."""
    whole = PracticeExport.objects.filter(finished_at__isnull=False, removed_at=None, expires_at__gt=now)
    return whole.order_by("-asked_at").first()


def go_on(*, now: datetime) -> bool:
    """Make one part of the open export, in the caller's transaction; True where more remains."""
    made = PracticeExport.objects.select_for_update(skip_locked=True).filter(finished_at=None).first()
    if made is None:
        return False
    labels = [model._meta.label for model in models_of_a_practice()]
    model: Any = apps.get_model(made.label)
    rows = model.objects.order_by("pk")
    found = list((rows.filter(pk__gt=made.after) if made.after else rows)[:ROWS_A_SLICE])
    if found:
        name = f"exports/{made.practice_id}/{made.pk}/{len(made.parts):05d}"
        _store(name, _seal(made, name, b"".join(_line(row) for row in found)))
        made.parts = [*made.parts, {"model": made.label, "name": name, "rows": len(found)}]
        made.rows, made.after = made.rows + len(found), found[-1].pk
    if len(found) < ROWS_A_SLICE:
        following = labels[labels.index(made.label) + 1 :]
        made.after, made.label = None, following[0] if following else ""
        if not following:
            made.finished_at, made.expires_at = now, now + KEPT_FOR
    made.save()
    return made.finished_at is None


def remove_expired(*, now: datetime) -> int:
    """Delete the parts of exports that were kept long enough; how many exports."""
    gone = 0
    for made in PracticeExport.objects.filter(expires_at__lt=now, removed_at=None):
        remove_parts(made)
        gone += PracticeExport.objects.filter(pk=made.pk).update(removed_at=now)
    return gone


def remove_parts(made: PracticeExport) -> None:
    """Delete the files of an export."""
    for part in made.parts:
        default_storage.delete(part["name"])


def archive(made: PracticeExport, about: dict[str, Any], people: list[dict[str, Any]]) -> Iterator[bytes]:
    """The ZIP, piece by piece; asks the database nothing once the first piece is out (the key is opened before)."""
    key = AESGCM(crypto.decrypt(made.sealed_key, **_place(made)))
    return _zip(made, key, about, people)


def _zip(made: PracticeExport, key: AESGCM, about: dict[str, Any], people: list[dict[str, Any]]) -> Iterator[bytes]:
    out = _Pipe()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in (("README.md", readme()), ("manifest.json", manifest(made, about))):
            file.writestr(name, text)
        file.writestr("data/practice.jsonl", json.dumps(about, cls=DjangoJSONEncoder) + "\n")
        file.writestr("data/people.jsonl", "".join(json.dumps(one, cls=DjangoJSONEncoder) + "\n" for one in people))
        yield out.taken()
        for model in models_of_a_practice():
            with file.open(f"data/{model._meta.label_lower}.jsonl", "w", force_zip64=True) as entry:
                for part in (one for one in made.parts if one["model"] == model._meta.label):
                    entry.write(_open(key, part["name"]))
                    yield out.taken()
    yield out.taken()


def manifest(made: PracticeExport, about: dict[str, Any]) -> str:
    """What is in the archive: schema version, when, of whom, rows by file."""
    rows = {model._meta.label_lower: 0 for model in models_of_a_practice()}
    for part in made.parts:
        rows[part["model"].lower()] += part["rows"]
    return json.dumps(
        {
            "schema": SCHEMA,
            "practice": {"id": str(made.practice_id), "name": about.get("name"), "slug": about.get("slug")},
            "begun_at": made.asked_at.isoformat(),
            "finished_at": made.finished_at.isoformat() if made.finished_at else None,
            "rows": {f"data/{label}.jsonl": count for label, count in rows.items()},
            "left_out": sorted(SECRETS),
        },
        indent=2,
    )


def readme() -> str:
    """What each file and each column holds, from the models themselves."""
    lines = [
        "# Export of a practice",
        "",
        "`manifest.json` names the schema version and the rows of each file. Every file in `data/` has one JSON object",
        "a line. Moments are ISO 8601 in UTC, days YYYY-MM-DD, ids UUIDs; a column that ends in `_id` names a row of",
        "another file. What we keep encrypted is decrypted here: keep this archive as you keep the records themselves.",
        'Bytes that are no text stand as `{"base64": …}`. Credentials, keys and hashes of tokens are left out.',
        "",
        "`data/practice.jsonl` is the practice, `data/people.jsonl` the people who sign in, without their passwords.",
    ]
    for model in models_of_a_practice():
        lines += ["", f"## data/{model._meta.label_lower}.jsonl", "", " ".join((model.__doc__ or "").split()), ""]
        lines += [f"- `{field.column}`: {_described(field)}" for field in columns_of(model)]
    return "\n".join(lines) + "\n"


def _described(field: models.Field) -> str:
    kind = "encrypted with us, text or bytes" if isinstance(field, models.BinaryField) else field.get_internal_type()
    if field.is_relation and field.related_model:
        kind = f"id of {field.related_model._meta.label_lower}"
    choices = f"; one of {', '.join(str(value) for value, _label in field.flatchoices)}" if field.choices else ""
    return f"{kind}{choices}{'; may be empty' if field.null else ''}"


def plain_row(row: models.Model) -> dict[str, Any]:
    """A row as an export holds it: its columns but secrets, decrypted."""
    sealed = _sealed_columns(type(row))
    values: dict[str, Any] = {}
    for field in columns_of(type(row)):
        value = getattr(row, field.attname)
        if field.column in sealed:
            column = sealed[field.column]
            practice_id: UUID = row.practice_id  # type: ignore[attr-defined]
            value = _text(column.open(value, practice_id=practice_id, row=getattr(row, _attribute(row, column.row))))
        elif isinstance(value, bytes | memoryview):
            value = _text(bytes(value))
        values[str(field.column)] = value
    return values


def _attribute(row: models.Model, column: str) -> str:
    return next(field.attname for field in row._meta.concrete_fields if field.column == column)


def _sealed_columns(model: type[models.Model]) -> dict[str, EncryptedColumn]:
    if model not in _columns:
        _columns[model] = {one.name: one for one in encrypted_columns() if one.model is model}
    return _columns[model]


_columns: dict[type[models.Model], dict[str, EncryptedColumn]] = {}


def _text(plain: bytes) -> Any:
    """Text where it is text, packed or not; else base64."""
    with contextlib.suppress(zlib.error):
        plain = zlib.decompress(plain)
    try:
        return plain.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(plain).decode()}


def _line(row: models.Model) -> bytes:
    try:
        values = plain_row(row)
    except crypto.CannotDecrypt as problem:
        values = {"id": row.pk, "unreadable": str(problem)}
    return json.dumps(values, cls=_Encoder, ensure_ascii=False).encode() + b"\n"


class _Encoder(DjangoJSONEncoder):
    """Moments to the microsecond, as they are stored."""

    def default(self, o: Any) -> Any:
        return o.isoformat() if isinstance(o, datetime | date) else super().default(o)


class _Pipe(RawIOBase):
    """What a ZIP is written to when nothing can be read back: `taken` hands over what came since."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._chunks.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        """The bytes written since the last call."""
        chunks, self._chunks = self._chunks, []
        return b"".join(chunks)


def _store(name: str, content: bytes) -> None:
    default_storage.delete(name)  # of a slice that was killed before its row was written
    kept = default_storage.save(name, ContentFile(content))
    if kept != name:
        raise RuntimeError("the file storage gave a part another name")


def _seal(made: PracticeExport, name: str, plain: bytes) -> bytes:
    key = AESGCM(crypto.decrypt(made.sealed_key, **_place(made)))
    nonce = os.urandom(12)
    return nonce + key.encrypt(nonce, zlib.compress(plain), name.encode())


def _open(key: AESGCM, name: str) -> bytes:
    with default_storage.open(name) as file:
        sealed = file.read()
    return zlib.decompress(key.decrypt(sealed[:12], sealed[12:], name.encode()))


def _place(made: PracticeExport) -> dict[str, Any]:
    return {
        "practice_id": made.practice_id, "table": made._meta.db_table, "row": made.pk, "column": "sealed_key",
    }  # fmt: skip


def parts_of(exports: Iterable[PracticeExport]) -> list[str]:
    """The file names of exports: what goes with the practice."""
    return [part["name"] for made in exports for part in made.parts]
