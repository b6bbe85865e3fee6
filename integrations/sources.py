"""Feeds that speak of the same people: keys that tell the feed too, and whose word counts more.

A feed's own key (`MRN|123`) names a thing within that feed; a global key (`<feed's id in hex>:MRN|123`) names it in the
practice. Records of the feed `hand` may bear the global key of another feed's thing: they correct it.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

from integrations.facts import HAND, FeedState, State
from integrations.models import Feed

_GLOBAL = re.compile(r"[0-9a-f]{32}:")
_REFERENCES = ("patient", "episode", "request", "appointment", "visit", "clinic", "therapist", "moved_to")
_REFERENCE_LISTS = ("conditions", "coverages")


def global_key(feed: Feed, key: str) -> str:
    """The practice-wide name of a feed's thing; a key that has a feed already (by hand) stays."""
    if feed.kind == Feed.Kind.HAND and _GLOBAL.match(key):
        return key
    return f"{feed.pk.hex}:{key}"


def split_key(key: str) -> tuple[str, str]:
    """A global key's feed (hex of its id) and its key there."""
    feed, _colon, local = key.partition(":")
    return feed, local


def by_feed(keys: Iterable[str]) -> Mapping[str, set[str]]:
    """Feeds' own keys by the feed's hex."""
    found: dict[str, set[str]] = defaultdict(set)
    for key in keys:
        feed, local = split_key(key)
        found[feed].add(local)
    return found


def of_practice() -> dict[str, Feed]:
    """The open practice's feeds by the hex of their ids."""
    return {feed.pk.hex: feed for feed in Feed.objects.all()}


def state_for_people(feed: Feed, state: State) -> FeedState:
    """A record's merge state for a projection over several feeds: references are global keys, the feed's rank set."""
    found = FeedState(state, rank=HAND if feed.kind == Feed.Kind.HAND else -feed.priority - 2)
    for unit in _REFERENCES:
        if (run := state.get(unit)) and run["v"]:
            found[unit] = {**run, "v": global_key(feed, run["v"])}
    for unit in _REFERENCE_LISTS:
        if (run := state.get(unit)) and run["v"]:
            found[unit] = {**run, "v": [global_key(feed, one) for one in run["v"]]}
    return found
