"""API keys: made once, checked at each request, revoked."""

import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest

from django.db import IntegrityError, models, transaction

from accounts.models import ApiKey, Practice, User
from prm import crypto, ids

ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
SECRET_LENGTH = 52  # of 32 letters: 260 random bits
FORM = re.compile(rf"prm_([a-z2-7]{{10}})_([a-z2-7]{{10}})_([a-z2-7]{{{SECRET_LENGTH}}})")
USE_NOTED = timedelta(minutes=1)


class NameTaken(ValueError):
    """A key of that name is in use; it also refuses the same form sent twice."""


@dataclass(frozen=True, slots=True)
class Parts:
    """A key string taken apart; it may be anybody's invention."""

    public_id: str
    prefix: str
    secret: str


def make(
    practice: Practice, name: str, scopes: Collection[str], *, by: User, now: datetime, lasts: timedelta | None
) -> tuple[ApiKey, str]:
    """A new key and the string to hand out, which exists only here. `lasts` None: until it is revoked. NameTaken."""
    secret = "".join(secrets.choice(ALPHABET) for _ in range(SECRET_LENGTH))
    prefix = ids.public_id()
    key = ApiKey(
        name=name, prefix=prefix, token_hash=_hash(practice.public_id, prefix, secret), scopes=sorted(scopes),
        created_by=by, created_at=now, expires_at=now + lasts if lasts else None,
    )  # fmt: skip
    try:
        with transaction.atomic():
            key.save(force_insert=True)
    except IntegrityError:
        raise NameTaken(name) from None
    return key, f"prm_{practice.public_id}_{prefix}_{secret}"


def take_apart(text: str) -> Parts | None:
    """The parts of what may be a key; None for what cannot be one."""
    found = FORM.fullmatch(text)
    return Parts(*found.groups()) if found else None


def find(parts: Parts) -> ApiKey | None:
    """The key of the open practice whose secret this is, ended and revoked ones too; None for a guess."""
    key = ApiKey.objects.filter(prefix=parts.prefix).first()
    given = _hash(parts.public_id, parts.prefix, parts.secret)
    return key if key and compare_digest(key.token_hash, given) else None


def state(key: ApiKey, *, now: datetime) -> str:
    """`live`, `ended` or `revoked` at `now` (aware)."""
    if key.revoked_at:
        return "revoked"
    return "ended" if key.expires_at and key.expires_at <= now else "live"


def note_use(key: ApiKey, *, now: datetime) -> None:
    """Write when the key was used, at most once a minute, however many requests race."""
    stale = models.Q(last_used_at=None) | models.Q(last_used_at__lt=now - USE_NOTED)
    if key.last_used_at is None or key.last_used_at < now - USE_NOTED:
        ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)


def revoke(key: ApiKey, *, now: datetime) -> bool:
    """End the key at once: the next request with it is refused. False where it was revoked already."""
    return bool(ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now))


def _hash(public_id: str, prefix: str, secret: str) -> str:
    return crypto.token_hash(f"api-key|{public_id}|{prefix}|{secret}")
