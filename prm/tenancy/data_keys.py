"""The key ring: master keys from the environment, and each practice's data keys, wrapped by a master.

A data key is random. It stands in the database only wrapped, so that a dump opens nothing; without its rows (an erased
practice) nothing of that practice opens any more, not from an old backup's other tables either.
"""

import base64
import binascii
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction

from prm.tenancy.context import practice_id_or_none, use_practice
from prm.tenancy.models import DataKey

CACHED_FOR = 300  # seconds: how long a process may use what it read, and so encrypt under a key that was replaced
MOST_CACHED = 2_000  # practices in one process


class UnknownKey(ValueError):
    """A master key that PRM_MASTER_KEYS does not hold, and held once."""


@dataclass(frozen=True, slots=True)
class Keys:
    """A practice's data keys by number; the newest encrypts."""

    by_number: dict[int, AESGCM]

    @property
    def newest(self) -> int:
        """The number of the key that encrypts."""
        return max(self.by_number)


@dataclass(frozen=True, slots=True)
class _Pending:
    """Keys that the open transaction has made: they are gone where it rolls back, and so is their hook."""

    keys: Keys
    hook: Callable[[], None]


Found = TypeVar("Found")
_cache: dict[UUID, tuple[float, Keys]] = {}


def of_practice(practice_id: UUID) -> Keys:
    """The data keys of a practice, the first one made where it has none. UnknownKey where a master is missing.

    Costs a statement where this process has not asked for CACHED_FOR seconds.
    """
    return _known(practice_id) or _inside(practice_id, lambda: _read(practice_id) or _make(practice_id, 1))


def with_number(practice_id: UUID, number: int) -> AESGCM | None:
    """The data key of that number; asks the database where this process does not know it. None: there is none."""
    keys = _known(practice_id)
    if keys is None or (number not in keys.by_number and _pending(practice_id) is None):
        keys = _inside(practice_id, lambda: _read(practice_id))
    return keys.by_number.get(number) if keys else None


def _known(practice_id: UUID) -> Keys | None:
    kept = _cache.get(practice_id)
    return kept[1] if kept is not None and kept[0] > time.monotonic() else _pending(practice_id)


def add(practice_id: UUID) -> int:
    """Make a new data key, which encrypts from now on; returns its number."""
    newest = of_practice(practice_id).newest
    return _inside(practice_id, lambda: _make(practice_id, newest + 1)).newest


def rewrap(practice_id: UUID) -> int:
    """Wrap the practice's data keys under the first master key; how many were under another. Inside the practice."""
    changed = 0
    for row in DataKey.objects.exclude(master=current_master()):
        wrapped = _wrap(practice_id, row.number, _unwrap(row))
        changed += DataKey.objects.filter(pk=row.pk, wrapped=row.wrapped).update(
            wrapped=wrapped, master=current_master()
        )
    return changed


def forget(practice_id: UUID) -> None:
    """Drop what this process remembers of a practice's keys."""
    _cache.pop(practice_id, None)


def _inside(practice_id: UUID, call: Callable[[], Found]) -> Found:
    """Run in the practice: in the caller's transaction where it is open, else in one of our own."""
    if practice_id_or_none() == practice_id and connection.in_atomic_block:
        return call()
    with use_practice(practice_id):
        return call()


def _read(practice_id: UUID) -> Keys | None:
    """From the database, and remember: only what is committed, since our own uncommitted keys are pending."""
    keys = _opened(practice_id)
    if keys is not None:
        _remember(practice_id, keys)
    return keys


def _opened(practice_id: UUID) -> Keys | None:
    rows = list(DataKey.objects.filter(practice_id=practice_id))
    return Keys({row.number: AESGCM(_unwrap(row)) for row in rows}) if rows else None


def _make(practice_id: UUID, number: int) -> Keys:
    """Add a key of that number in the open transaction, unless another one does so first: then that one counts."""
    fresh = AESGCM.generate_key(256)
    row = DataKey(
        practice_id=practice_id, number=number, master=current_master(), wrapped=_wrap(practice_id, number, fresh)
    )
    DataKey.objects.bulk_create([row], ignore_conflicts=True)
    if not DataKey.objects.filter(practice_id=practice_id, pk=row.pk).exists():
        return _read(practice_id) or Keys({})
    keys = _opened(practice_id) or Keys({})

    def committed() -> None:
        _pending_of_connection().pop(practice_id, None)
        _remember(practice_id, keys)

    forget(practice_id)
    _pending_of_connection()[practice_id] = _Pending(keys, committed)
    transaction.on_commit(committed)
    return keys


def _pending(practice_id: UUID) -> Keys | None:
    """The keys that this transaction has made. Django drops the hooks of what is rolled back, savepoints too."""
    found = _pending_of_connection().get(practice_id)
    if found is None:
        return None
    if any(found.hook is hook for _savepoints, hook, _robust in connection.run_on_commit):
        return found.keys
    del _pending_of_connection()[practice_id]
    return None


def _pending_of_connection() -> dict[UUID, _Pending]:
    return connection.__dict__.setdefault("prm_pending_keys", {})


def _remember(practice_id: UUID, keys: Keys) -> None:
    if len(_cache) >= MOST_CACHED:
        _cache.clear()
    _cache[practice_id] = (time.monotonic() + CACHED_FOR, keys)


def _wrap(practice_id: UUID, number: int, key: bytes) -> str:
    nonce = os.urandom(12)
    sealed = _wrapper(current_master()).encrypt(nonce, key, f"{practice_id}|{number}".encode())
    return base64.b64encode(nonce + sealed).decode()


def _unwrap(row: DataKey) -> bytes:
    sealed = base64.b64decode(row.wrapped)
    try:
        return _wrapper(row.master).decrypt(sealed[:12], sealed[12:], f"{row.practice_id}|{row.number}".encode())
    except InvalidTag:
        raise UnknownKey(f"data key {row.number} does not open: another master key, or changed bytes") from None


def _wrapper(master: str) -> AESGCM:
    return AESGCM(derived(master.encode(), "prm|wrap"))


def current_master() -> str:
    """The id of the master key in use: the first of PRM_MASTER_KEYS."""
    return next(iter(ring())).decode()


@lru_cache(maxsize=1024)
def derived(master: bytes, purpose: str) -> bytes:
    """A key of 32 bytes for one purpose, from the master key of that id (HKDF-SHA256). UnknownKey."""
    found = ring().get(master)
    if found is None:
        raise UnknownKey(f"PRM_MASTER_KEYS does not hold the key {master.decode(errors='replace')!r}")
    return HKDF(SHA256(), 32, salt=None, info=purpose.encode()).derive(found)


@lru_cache(maxsize=1)
def ring() -> dict[bytes, bytes]:
    """Master keys by id, the one in use first. ImproperlyConfigured says what is expected."""
    keys: dict[bytes, bytes] = {}
    for entry in settings.MASTER_KEYS.split(","):
        key_id, _, encoded = entry.strip().partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            key = b""
        if len(key_id) != 4 or len(key) != 32:
            raise ImproperlyConfigured("PRM_MASTER_KEYS: expected 4-character-id:base64-of-32-bytes, comma separated")
        keys[key_id.encode()] = key
    return keys
