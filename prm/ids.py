"""Ids: UUID version 7 for rows, short random ids for URLs."""

import os
import secrets
import threading
import time
from uuid import UUID

_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_lock = threading.Lock()
_last = 0


def uuid7() -> UUID:
    """A new UUID version 7 (RFC 9562 §5.7): Unix milliseconds, then random bits; rising within one process.

    Order between processes within a millisecond is undefined: nothing may rely on it.
    """
    global _last
    with _lock:
        stamp = max(time.time_ns() // 1_000_000 << 12 | secrets.randbits(10), _last + 1)
        _last = stamp
    milliseconds, sequence = stamp >> 12, stamp & 0xFFF
    tail = int.from_bytes(os.urandom(8)) & 0x3FFF_FFFF_FFFF_FFFF
    return UUID(int=milliseconds << 80 | 0x7 << 76 | sequence << 64 | 0x2 << 62 | tail)


def public_id() -> str:
    """Ten random characters of a-z and 2-7 for public URLs (50 bits)."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(10))
