"""How often a caller may ask: token buckets in the broker, in this process while the broker is away."""

import logging
import time
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import redis
from django.conf import settings

log = logging.getLogger(__name__)

BROKER_SECONDS = 0.2  # how long a request waits for the broker
PAUSE_SECONDS = 5.0  # how long the broker is left alone after it failed
KEPT = 10_000  # buckets that a process keeps by itself at most

# KEYS[1] the bucket; ARGV: size, tokens a second, now (seconds), tokens wanted. Returns {taken, tokens left as text}.
TAKE = """
local held = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local size, rate, now, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local tokens = math.min(size, (tonumber(held[1]) or size) + math.max(0, now - (tonumber(held[2]) or now)) * rate)
local taken = tokens >= math.max(wanted, 1) and 1 or 0
if taken == 1 then tokens = tokens - wanted end
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', ARGV[3])
redis.call('EXPIRE', KEYS[1], math.ceil(size / rate) + 60)
return {taken, tostring(tokens)}
"""


@dataclass(frozen=True, slots=True)
class Limit:
    """`size` requests at once, refilled evenly within `seconds`."""

    name: str
    size: int
    seconds: int

    @property
    def rate(self) -> float:
        """Tokens a second."""
        return self.size / self.seconds


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the request may go on, how many more may follow at once, in how many seconds the next one may."""

    limit: Limit
    allowed: bool
    left: int
    wait: int

    def headers(self) -> dict[str, str]:
        """RateLimit and its policy (IETF draft ratelimit-headers); Retry-After on a refusal."""
        limit = self.limit
        told = {
            "RateLimit-Policy": f'"{limit.name}";q={limit.size};w={limit.seconds}',
            "RateLimit": f'"{limit.name}";r={self.left};t={self.wait}',
        }
        return told if self.allowed else told | {"Retry-After": str(self.wait)}


PER_KEY = Limit("key", size=600, seconds=60)
BAD_KEYS = Limit("bad-keys", size=30, seconds=60)  # of one address

_own: dict[str, tuple[float, float]] = {}  # bucket to (tokens, moment), while the broker is away
_away_until = 0.0  # monotonic


def take(limit: Limit, who: str, *, now: datetime, wanted: int = 1) -> Verdict:
    """Take `wanted` tokens of the bucket of `who` (an id or an address); 0 asks whether one is there.

    Without a broker each process counts by itself: the limit then holds per process, and nobody is locked out.
    """
    bucket, at = f"prm:limit:{limit.name}:{who}", now.timestamp()
    taken, tokens = _take_at_broker(limit, bucket, at, wanted) or _take_here(limit, bucket, at, wanted)
    wait = max(1, int((1 - tokens) / limit.rate + 0.999)) if tokens < 1 else 0
    return Verdict(limit, taken, max(0, int(tokens)), wait)


def _take_at_broker(limit: Limit, bucket: str, at: float, wanted: int) -> tuple[bool, float] | None:
    global _away_until
    if not settings.REDIS_URL or time.monotonic() < _away_until:
        return None
    try:
        taken, tokens = _broker(settings.REDIS_URL).eval(
            TAKE, 1, bucket, str(limit.size), repr(limit.rate), repr(at), str(wanted)
        )
    except redis.RedisError:
        _away_until = time.monotonic() + PAUSE_SECONDS
        log.warning("api.limits_without_broker")
        return None
    return bool(taken), float(tokens)


def _take_here(limit: Limit, bucket: str, at: float, wanted: int) -> tuple[bool, float]:
    tokens, since = _own.get(bucket, (float(limit.size), at))
    tokens = min(float(limit.size), tokens + max(0.0, at - since) * limit.rate)
    taken = tokens >= max(wanted, 1)
    tokens -= wanted if taken else 0
    while len(_own) >= KEPT:  # the oldest go first; a forgotten bucket is a full one
        _own.pop(next(iter(_own)), None)
    _own.pop(bucket, None)
    _own[bucket] = (tokens, at)
    return taken, tokens


@lru_cache(maxsize=1)
def _broker(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_connect_timeout=BROKER_SECONDS, socket_timeout=BROKER_SECONDS)
