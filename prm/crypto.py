"""Encryption at rest and keyed hashes of tokens (security.md §3).

AES-256-GCM; the associated data is `practice|table|row|column`, so that a ciphertext that is moved to another row or
practice is refused. Layout: version (1 byte), key (4 bytes), nonce (12), ciphertext with tag.

Version 2: a practice's row; the key is the number of the practice's data key (prm.tenancy.data_keys). Version 1: a
global row, or a practice's from before it had data keys; the key is the id of a master key, from which one is derived.
"""

import base64
import hashlib
import hmac
import os
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from prm.tenancy import data_keys
from prm.tenancy.context import current_practice_id
from prm.tenancy.data_keys import UnknownKey

__all__ = [
    "CannotDecrypt", "UnknownKey", "current_key_id", "current_prefix", "decrypt", "encrypt",
    "encrypt_without_data_key", "open_text", "seal_mac", "seal_text", "sign", "signed", "token_hash",
]  # fmt: skip

_DERIVED, _BY_DATA_KEY = b"\x01", b"\x02"
_SHORTEST = 33  # version, key, nonce, tag of an empty text


class CannotDecrypt(ValueError):
    """The bytes are not a ciphertext of this place under a key that we hold."""


def encrypt(plain: bytes, *, practice_id: UUID | None, table: str, row: UUID | str, column: str) -> bytes:
    """Encrypt for exactly one place: a column of a row of a table of a practice (None: a global row).

    The practice's first text makes its first data key, in the caller's transaction.
    """
    prefix, cipher = _newest(practice_id)
    nonce = os.urandom(12)
    return prefix + nonce + cipher.encrypt(nonce, plain, _place(practice_id, table, row, column))


def encrypt_without_data_key(plain: bytes, *, practice_id: UUID, table: str, row: UUID | str, column: str) -> bytes:
    """As `encrypt`, under the master alone: for migrations, which read no other table (version 1)."""
    master, nonce = data_keys.current_master().encode(), os.urandom(12)
    cipher = AESGCM(data_keys.derived(master, f"prm|{practice_id}"))
    return _DERIVED + master + nonce + cipher.encrypt(nonce, plain, _place(practice_id, table, row, column))


def decrypt(sealed: bytes | memoryview, *, practice_id: UUID | None, table: str, row: UUID | str, column: str) -> bytes:
    """The plain bytes. CannotDecrypt for another place, an unknown key or a changed byte."""
    sealed = bytes(sealed)
    cipher = _cipher_of(sealed, practice_id) if len(sealed) >= _SHORTEST else None
    if cipher is None:
        raise CannotDecrypt(f"{table}.{column}: not a ciphertext under a key that we hold")
    try:
        return cipher.decrypt(sealed[5:17], sealed[17:], _place(practice_id, table, row, column))
    except InvalidTag:
        raise CannotDecrypt(f"{table}.{column}: wrong key, wrong place or changed bytes") from None


def current_prefix(practice_id: UUID | None) -> bytes:
    """The first five bytes of every ciphertext that `encrypt` makes now: version and key."""
    return _newest(practice_id)[0]


def _newest(practice_id: UUID | None) -> tuple[bytes, AESGCM]:
    if practice_id is None:
        master = data_keys.current_master().encode()
        return _DERIVED + master, AESGCM(data_keys.derived(master, "prm|global"))
    keys = data_keys.of_practice(practice_id)
    return _BY_DATA_KEY + keys.newest.to_bytes(4), keys.by_number[keys.newest]


def _cipher_of(sealed: bytes, practice_id: UUID | None) -> AESGCM | None:
    version, key = sealed[:1], sealed[1:5]
    if version == _BY_DATA_KEY and practice_id is not None:
        return data_keys.with_number(practice_id, int.from_bytes(key))
    if version == _DERIVED and key in data_keys.ring():
        return AESGCM(data_keys.derived(key, f"prm|{practice_id or 'global'}"))
    return None


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
    return data_keys.current_master()


def seal_mac(practice_id: UUID, key_id: str, message: bytes) -> str:
    """HMAC-SHA256, hex, of a day's seal, under a key derived from a master: who has only the database cannot make it.

    UnknownKey where the ring of PRM_MASTER_KEYS does not hold `key_id` any more.
    """
    key = data_keys.derived(key_id.encode(), f"prm|audit|{practice_id}")
    return hmac.new(key, message, hashlib.sha256).hexdigest()


def _place(practice_id: UUID | None, table: str, row: UUID | str, column: str) -> bytes:
    return f"{practice_id or ''}|{table}|{row}|{column}".encode()


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
