"""Adding a feed, putting it live, and the counts that its page shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import available_timezones

from django.db import transaction
from django.db.models import Count, Exists, Max, OuterRef, Q

from accounts.models import Practice
from integrations import keys
from integrations.facts import VISIT
from integrations.kinds import KINDS
from integrations.models import Feed, RawMessage, SourceRecord
from patients.models import Episode, Visit
from prm.tenancy import platform


class BadFeed(ValueError):
    """An argument that a feed cannot have; the text names it and what is allowed."""


def check_arguments(kind: str, preset: str, chosen: Mapping[str, str]) -> dict[str, Any]:
    """The cleaned settings. BadFeed for an unknown kind or preset, keys.BadSetting for a setting."""
    if kind not in KINDS:
        raise BadFeed(f"kind {kind!r}: expected one of {', '.join(sorted(KINDS))}")
    if preset and preset not in KINDS[kind].presets:
        raise BadFeed(f"preset {preset!r}: expected one of {', '.join(sorted(KINDS[kind].presets))}")
    return keys.clean(KINDS[kind].keys, chosen)


@transaction.atomic
def add_feed(
    practice: Practice, *, name: str, kind: str, preset: str = "", chosen: Mapping[str, str] | None = None,
    live_at: datetime | None = None, zone: str = "",
) -> tuple[Feed, bool]:  # fmt: skip
    """The feed of that name, made or brought to these settings; True where it is new.

    `live_at` (aware) puts it live as of then: episodes get it as `live_from`. A feed never changes its kind: BadFeed.
    """
    settings = check_arguments(kind, preset, chosen or {})
    time_zone = settings.get("zone") or zone or practice.time_zone
    if time_zone not in available_timezones():
        raise BadFeed(f"zone {time_zone!r}: expected a name such as America/New_York")
    feed = Feed.objects.filter(name=name).first()
    created = feed is None
    if feed is None:
        feed = Feed(name=name, kind=kind, preset=preset, time_zone=time_zone)
    elif feed.kind != kind:
        raise BadFeed(f"feed {name!r} is of kind {feed.kind}; a feed never changes its kind")
    feed.preset = preset or feed.preset
    feed.settings = {**feed.settings, **settings}
    feed.time_zone = time_zone
    _check_door(feed)
    feed.save()
    if live_at is not None:
        go_live(feed, at=live_at)
    return feed, created


def _check_door(feed: Feed) -> None:
    """BadFeed where senders could not tell the feed from another one, or nobody could connect to it."""
    port, certificate = feed.settings.get("mllp_port") or 0, feed.settings.get("mllp_certificate") or ""
    if port and not feed.settings.get("mllp_addresses"):
        raise BadFeed(f"mllp_port={port}: name the addresses that may connect in mllp_addresses; nobody may otherwise")
    if port and platform.mllp_door_is_taken(feed.pk, port=port):
        raise BadFeed(f"mllp_port={port}: another feed has this port; choose another one")
    if certificate and platform.mllp_door_is_taken(feed.pk, certificate=certificate):
        raise BadFeed("mllp_certificate: another feed has this certificate; each sender needs one of its own")


def go_live(feed: Feed, *, at: datetime) -> int:
    """From `at` (aware) on, what happens may cause messages; what was due before never does. Returns the episodes.

    Pressed again it keeps the first moment: nothing that was held back is sent after all.
    """
    if feed.live_at is None or at < feed.live_at:
        feed.live_at = at
    feed.state = Feed.State.LIVE
    feed.save(update_fields=["state", "live_at"])
    of_feed = Q(source_key__gte=f"{feed.pk.hex}:", source_key__lt=f"{feed.pk.hex};")
    records = SourceRecord.objects.filter(feed=feed, entity=VISIT, row_id=OuterRef("pk"))
    visits = Visit.objects.filter(Exists(records), episode__isnull=False)
    spoken_of = Episode.objects.filter(of_feed | Q(pk__in=visits.values("episode")))
    later = Q(live_from=None) | Q(live_from__gt=feed.live_at)
    return spoken_of.filter(later).update(live_from=feed.live_at)


def pause(feed: Feed) -> None:
    """Keep what arrives, apply nothing until somebody resumes."""
    Feed.objects.filter(pk=feed.pk).update(state=Feed.State.PAUSED)


@dataclass(frozen=True)
class Health:
    """What a feed's page tells at a glance."""

    counts: Mapping[str, int]  # state to number of messages
    last_received: datetime | None
    last_applied: datetime | None
    error_rate: float | None  # dead of those of the last 24 hours, 0 to 1; None where none came

    @property
    def dead(self) -> int:
        """Dead letters that wait for a person."""
        return self.counts.get("dead", 0)

    @property
    def total(self) -> int:
        """All messages stored."""
        return sum(self.counts.values())


def health(feed: Feed, *, now: datetime) -> Health:
    """Counts by state and the last moments. Two queries."""
    by_state = {
        row["state"]: row
        for row in RawMessage.objects.filter(feed=feed)
        .values("state")
        .annotate(number=Count("pk"), last=Max("received_at"), applied=Max("applied_at"))
    }
    day = RawMessage.objects.filter(feed=feed, received_at__gte=now - timedelta(hours=24))
    recent = dict(day.values_list("state").annotate(Count("pk")))
    received = max((row["last"] for row in by_state.values()), default=None)
    applied = max((row["applied"] for row in by_state.values() if row["applied"]), default=None)
    total = sum(recent.values())
    return Health(
        {state: row["number"] for state, row in by_state.items()}, received, applied,
        recent.get("dead", 0) / total if total else None,
    )  # fmt: skip
