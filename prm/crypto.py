"""Encryption at rest and keyed hashes of tokens (security.md §3).

AES-256-GCM with a key ring; the associated data is `practice|table|row|column`, so that a ciphertext that is moved to
another row or practice is refused. Layout: version (1 byte), key id (4 bytes), nonce (12), ciphertext with tag.
"""

import base64
import binascii
import hashlib
import hmac
import os
from functools import lru_cache
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from prm.tenancy.context import current_practice_id

_VERSION = b"\x01"


class CannotDecrypt(ValueError):
    """The bytes are not a ciphertext of this place under a key that we hold."""


class UnknownKey(ValueError):
    """A key that PRM_MASTER_KEYS does not hold, and held once."""


def encrypt(plain: bytes, *, practice_id: UUID | None, table: str, row: UUID | str, column: str) -> bytes:
    """Encrypt for exactly one place: a column of a row of a table of a practice (None: a global row)."""
    key_id, _ = _ring()[0]
    nonce = os.urandom(12)
    sealed = _cipher(key_id, practice_id).encrypt(nonce, plain, _place(practice_id, table, row, column))
    return _VERSION + key_id + nonce + sealed


def decrypt(sealed: bytes | memoryview, *, practice_id: UUID | None, table: str, row: UUID | str, column: str) -> bytes:
    """The plain bytes. CannotDecrypt for another place, an unknown key or a changed byte."""
    sealed = bytes(sealed)
    if len(sealed) < 33 or sealed[:1] != _VERSION:
        raise CannotDecrypt(f"{table}.{column}: not a ciphertext of ours")
    key_id, nonce, body = sealed[1:5], sealed[5:17], sealed[17:]
    try:
        return _cipher(key_id, practice_id).decrypt(nonce, body, _place(practice_id, table, row, column))
    except (InvalidTag, KeyError):
        raise CannotDecrypt(f"{table}.{column}: wrong key, wrong place or changed bytes") from None


def token_hash(token: str) -> str:
    """HMAC-SHA256 with the link pepper, hex: what is stored of a token that we hand out."""
    return hmac.new(settings.LINK_PEPPER.encode(), token.encode(), hashlib.sha256).hexdigest()


def sign(*parts: str) -> str:
    """A short signature (URL-safe, 128 bits) over parts that travel in a URL, such as a practice and a link id."""
    message = "\x1f".join(parts).encode()
    digest = hmac.new(settings.LINK_PEPPER.encode(), b"sign\x1f" + message, hashlib.sha256).digest()[:16]
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def signed(signature: str, *parts: str) -> bool:
    """True where `signature` is ours over `parts`; constant time."""
    return hmac.compare_digest(signature.encode(), sign(*parts).encode())


def current_key_id() -> str:
    """The id of the master key in use now."""
    return _ring()[0][0].decode()


def seal_mac(practice_id: UUID, key_id: str, message: bytes) -> str:
    """HMAC-SHA256, hex, of a day's seal, under a key derived from a master: who has only the database cannot make it.

    UnknownKey where the ring of PRM_MASTER_KEYS does not hold `key_id` any more.
    """
    master = dict(_ring()).get(key_id.encode())
    if master is None:
        raise UnknownKey(f"PRM_MASTER_KEYS does not hold the key {key_id!r}: keep old keys at the end of the list")
    key = HKDF(SHA256(), 32, salt=None, info=f"prm|audit|{practice_id}".encode()).derive(master)
    return hmac.new(key, message, hashlib.sha256).hexdigest()


def _place(practice_id: UUID | None, table: str, row: UUID | str, column: str) -> bytes:
    return f"{practice_id or ''}|{table}|{row}|{column}".encode()


@lru_cache(maxsize=4096)
def _cipher(key_id: bytes, practice_id: UUID | None) -> AESGCM:
    """One data key a practice, derived from the master, so that no practice's rows share a key with another's."""
    master = dict(_ring())[key_id]
    data_key = HKDF(SHA256(), 32, salt=None, info=f"prm|{practice_id or 'global'}".encode()).derive(master)
    return AESGCM(data_key)


@lru_cache(maxsize=1)
def _ring() -> list[tuple[bytes, bytes]]:
    ring: list[tuple[bytes, bytes]] = []
    for entry in settings.MASTER_KEYS.split(","):
        key_id, _, encoded = entry.strip().partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            key = b""
        if len(key_id) != 4 or len(key) != 32:
            raise ImproperlyConfigured("PRM_MASTER_KEYS: expected 4-character-id:base64-of-32-bytes, comma separated")
        ring.append((key_id.encode(), key))
    return ring


def seal_text(row: Any, column: str, text: str) -> None:
    """Set `row.<column>` (bytes) to the encrypted `text`; empty text is stored as empty bytes."""
    setattr(row, column, encrypt(text.encode(), **_of(row), column=column) if text else b"")


def open_text(row: Any, column: str) -> str:
    """The plain text of `row.<column>`; empty where nothing is stored. CannotDecrypt as `decrypt`."""
    sealed = getattr(row, column)
    if not sealed:
        return ""
    return decrypt(sealed, **_of(row), column=column).decode()


def _of(row: Any) -> dict[str, Any]:
    """Where the row lives; a new tenant row takes the practice of the context, as its `save` would."""
    if hasattr(row, "practice_id") and row.practice_id is None:
        row.practice_id = current_practice_id()
    return {"practice_id": getattr(row, "practice_id", None), "table": row._meta.db_table, "row": row.pk}
