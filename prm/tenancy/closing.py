"""The end of a practice: suspended at once, erased after 30 days, audit and consent kept sealed (security.md §5).

Erasing walks `_meta`: a table that comes tomorrow is erased without being told. It may be stopped and run again at any
point. Data keys go with the rest, so that ciphertexts in old backups open no more.
"""

import base64
import hashlib
import json
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.apps import apps
from django.conf import settings
from django.core.files.storage import default_storage
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from prm.tenancy import data_keys, exports, platform
from prm.tenancy.context import use_practice
from prm.tenancy.models import PracticeClosure, PracticeExport, PracticeModel

WAIT = timedelta(days=30)
SLICE = 5_000
KEPT = ("audit.AuditEvent", "audit.AuditSeal", "patients.Consent", "patients.ConsentPolicy")  # six years
MAGIC = b"PRM archive 1\n"
FRAME = 1 << 20


class NotClosing(ValueError):
    """There is no closing of this practice that could be taken back or carried out."""


def ask(practice: Any, *, by: str, now: datetime) -> PracticeClosure:
    """Begin the end: nothing leaves, the staff may only read; erased 30 days from `now`. The closing that runs, if any.

    `by`: who asked, for the certificate.
    """
    running = PracticeClosure.objects.filter(closed_practice=practice.pk, cancelled_at=None).first()
    if running is not None:
        return running
    type(practice).objects.filter(pk=practice.pk).update(suspended_at=now, suspended_for="The practice is being closed")
    return PracticeClosure.objects.create(
        closed_practice=practice.pk, slug=practice.slug, name=practice.name, asked_by=by, asked_at=now,
        erase_after=now + WAIT,
    )  # fmt: skip


def cancel(practice: Any, *, now: datetime) -> None:
    """Take the closing back, as long as nothing is erased. NotClosing."""
    found = PracticeClosure.objects.filter(closed_practice=practice.pk, cancelled_at=None, erased_at=None, archive="")
    if not found.update(cancelled_at=now):
        raise NotClosing(practice.slug)
    type(practice).objects.filter(pk=practice.pk).update(suspended_at=None, suspended_for="")


def due(now: datetime) -> list[PracticeClosure]:
    """Closings whose 30 days are over and that are not carried out."""
    return list(PracticeClosure.objects.filter(cancelled_at=None, erased_at=None, erase_after__lte=now))


def erase(closure: PracticeClosure, *, now: datetime) -> PracticeClosure:
    """Write the sealed archive, then delete every row of the practice. NotClosing before its time or if cancelled."""
    if closure.cancelled_at or closure.erase_after > now:
        raise NotClosing(closure.slug)
    practice_id = closure.closed_practice
    if not closure.archive:
        path = archive_folder() / f"{practice_id}.prm"
        digest = _write_archive(path, practice_id)
        closure.archive, closure.archive_sha256 = path.name, digest
        closure.save(update_fields=["archive", "archive_sha256"])
    with use_practice(practice_id):
        for name in exports.parts_of(PracticeExport.objects.all()):
            default_storage.delete(name)
        people = list(apps.get_model("accounts.Membership").objects.values_list("user_id", flat=True))
    for tables, together in erasing_order():
        erased = _erase_group(tables, practice_id, together=together)
        closure.counts = {**closure.counts, **{t: closure.counts.get(t, 0) + n for t, n in erased.items() if n}}
        closure.save(update_fields=["counts"])
    data_keys.forget(practice_id)
    platform.erase_practice(practice_id, _global_tables_of_practices())
    _forget_people(people)
    closure.erased_at = now
    closure.save(update_fields=["erased_at"])
    return closure


def _erase_group(tables: list[str], practice_id: UUID, *, together: bool) -> dict[str, int]:
    if together:
        return platform.erase_together(tables, practice_id)
    total = 0
    while count := platform.erase_slice(tables[0], practice_id, SLICE):
        total += count
    return {tables[0]: total}


def _global_tables_of_practices() -> list[tuple[str, str]]:
    """(table, column) of the global tables that point at a practice."""
    practice = apps.get_model("accounts.Practice")
    return [
        (model._meta.db_table, field.column)
        for model in apps.get_models()
        if not issubclass(model, PracticeModel)
        for field in model._meta.concrete_fields
        if field.related_model is practice
    ]


def _forget_people(user_ids: list[UUID]) -> None:
    """Close the accounts of those who work nowhere else: no name, no address, and nothing left to sign in with."""
    users: Any = apps.get_model("accounts.User").objects
    for user in users.filter(pk__in=user_ids):
        if user.is_platform_operator or platform.works_somewhere(user.pk):
            continue
        user.email, user.name, user.is_active = f"{user.pk}@erased.invalid", "Erased", False
        user.set_unusable_password()
        user.save()
        for relation in user._meta.related_objects:  # factors, codes, sessions: what goes with its person
            owner: Any = relation.related_model
            if relation.on_delete is models.CASCADE and not issubclass(owner, PracticeModel):
                owner.objects.filter(**{relation.field.name: user}).delete()


def erasing_order() -> list[tuple[list[str], bool]]:
    """The tenant tables so that none comes before one that points at it.

    True beside those that must go in one transaction: tables that point at each other, and one that points at itself,
    since a slice could leave a row that points at what is gone.
    """
    tenant = [model for model in apps.get_models(include_auto_created=True) if issubclass(model, PracticeModel)]
    points = {model._meta.db_table: set[str]() for model in tenant}
    for model in tenant:
        for field in model._meta.concrete_fields:
            target = field.related_model
            if isinstance(target, type) and issubclass(target, PracticeModel):
                points[model._meta.db_table].add(target._meta.db_table)
    reach = {table: _reached(points, table) for table in points}
    order: list[tuple[list[str], bool]] = []
    left = set(points)
    while left:
        for table in sorted(left):
            circle = {table} | {other for other in left if other in reach[table] and table in reach[other]}
            if not any(reach[other] & circle for other in left - circle):
                order.append((sorted(circle), len(circle) > 1 or table in points[table]))
                left -= circle
                break
    return order


def _reached(points: dict[str, set[str]], start: str) -> set[str]:
    found, todo = set[str](), list(points[start])
    while todo:
        table = todo.pop()
        if table not in found:
            found.add(table)
            todo += points[table]
    return found


def archive_folder() -> Path:
    """Where sealed archives lie: keep it as long as the law asks, apart from the database."""
    folder = Path(settings.STATE_DIR) / "archives"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _write_archive(path: Path, practice_id: UUID) -> str:
    """Write what is kept, encrypted to the master key, mode 0600; read it again before anything is erased. SHA-256."""
    key, master = AESGCM.generate_key(256), data_keys.current_master()
    nonce = os.urandom(12)
    wrapped = nonce + AESGCM(data_keys.derived(master.encode(), "prm|archive")).encrypt(
        nonce, key, f"{practice_id}".encode()
    )
    head = {"practice": str(practice_id), "master": master, "key": base64.b64encode(wrapped).decode()}
    draft = path.with_suffix(".part")
    written = 0
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(MAGIC + json.dumps(head).encode() + b"\n")
        number, cipher = 0, AESGCM(key)
        for number, (frame, rows) in enumerate(_frames(practice_id)):
            file.write(_frame(cipher, number, frame))
            written += rows
        file.write(_frame(cipher, number + 1, b""))  # the end: an archive that was cut short does not open
        file.flush()
        os.fsync(file.fileno())
    if sum(1 for _row in read_archive(draft)) != written:
        raise RuntimeError("the archive does not hold what was written")
    draft.rename(path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _frame(cipher: AESGCM, number: int, plain: bytes) -> bytes:
    nonce = number.to_bytes(12)
    sealed = cipher.encrypt(nonce, plain, str(number).encode())
    return len(sealed).to_bytes(4) + sealed


def _frames(practice_id: UUID) -> Iterator[tuple[bytes, int]]:
    """The kept rows as JSON lines, about a megabyte at a time, with the number of rows."""
    lines: list[bytes] = []
    with use_practice(practice_id):
        for label in KEPT:
            model: Any = apps.get_model(label)
            after = UUID(int=0)
            while found := list(model.objects.filter(pk__gt=after).order_by("pk")[: exports.ROWS_A_SLICE]):
                after = found[-1].pk
                for row in found:
                    values = {"model": label, **exports.plain_row(row)}
                    lines.append(json.dumps(values, cls=DjangoJSONEncoder).encode() + b"\n")
                if sum(map(len, lines)) > FRAME:
                    yield b"".join(lines), len(lines)
                    lines = []
    if lines:
        yield b"".join(lines), len(lines)


class BadArchive(ValueError):
    """The file is no archive of ours, was changed or cut short, or its master key is missing."""


def read_archive(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a sealed archive. BadArchive, UnknownKey."""
    with path.open("rb") as file:
        if file.readline() != MAGIC:
            raise BadArchive("not an archive of ours")
        head = json.loads(file.readline())
        wrapped = base64.b64decode(head["key"])
        try:
            opener = AESGCM(data_keys.derived(head["master"].encode(), "prm|archive"))
            cipher = AESGCM(opener.decrypt(wrapped[:12], wrapped[12:], head["practice"].encode()))
            number = 0
            while True:
                sealed = file.read(int.from_bytes(file.read(4)))
                frame = cipher.decrypt(number.to_bytes(12), sealed, str(number).encode())
                if not frame:
                    return
                yield from map(json.loads, frame.splitlines())
                number += 1
        except data_keys.InvalidTag:
            raise BadArchive("changed, cut short, or of another master key") from None


def certificate(closure: PracticeClosure) -> str:
    """What the owner gets in the end: what was erased, what is kept, until when."""
    rows = sum(closure.counts.values())
    until = (
        closure.erased_at.replace(year=closure.erased_at.year + 6, day=min(closure.erased_at.day, 28))
        if (closure.erased_at)
        else None
    )
    return "\n".join([
        "Certificate of erasure",
        "",
        f"Practice: {closure.name} ({closure.slug}), {closure.closed_practice}",
        f"Closed by: {closure.asked_by}, {closure.asked_at:%Y-%m-%d %H:%M} UTC",
        f"Erased: {closure.erased_at:%Y-%m-%d %H:%M} UTC, {rows} rows of {len(closure.counts)} tables, data keys too",
        "",
        "Kept: the audit record and the consents, sealed and encrypted, for six years (45 CFR 164.316(b)(2)(i)),",
        f"until {until:%Y-%m-%d}; SHA-256 of the archive: {closure.archive_sha256}",
        "Backups made before go with their rotation.",
    ])  # fmt: skip
