"""Who is who: linked external ids are one patient; the survivor is the target of the newest merge (integrations.md §5).

A function of the set of edges: chains, cycles and swapped pairs need no special case, and order is no matter.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q

from integrations.models import IdentityLink
from integrations.sources import by_feed

MAX_HOPS = 8  # rounds of following edges; a chain of merges longer than that is followed at the next message
ALIAS, REVIEW, MATCH, EQUAL, PERSON = "alias", "review", "match", "equal", "person"
SAME = frozenset({ALIAS, MATCH, EQUAL})  # two ids of one person; every other cause retires the first one
DECIDED_CAUSES = (MATCH, PERSON)  # decisions taken once, kept with their inputs: a rebuild uses them again (§2, §5)


@dataclass(frozen=True)
class Edge:
    """`source` and `target` are global keys of ids; `order` the key of the statement; alias edges have no direction."""

    source: str
    target: str
    cause: str
    order: str


@dataclass(frozen=True)
class Person:
    """The ids of one patient: `groups` are ids that name one person by themselves, the survivor's first.

    Each further group was merged into the first.
    """

    groups: tuple[frozenset[str], ...]
    survivor: str  # the key whose statements win where both changed at once
    merges: tuple[Edge, ...]

    @property
    def keys(self) -> frozenset[str]:
        """All ids."""
        return frozenset().union(*self.groups)


def _connected(keys: Iterable[str], edges: Iterable[Edge]) -> list[frozenset[str]]:
    parent = {key: key for key in keys}

    def root(key: str) -> str:
        while parent[key] != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    for edge in edges:
        parent.setdefault(edge.source, edge.source)
        parent.setdefault(edge.target, edge.target)
        a, b = root(edge.source), root(edge.target)
        if a != b:
            parent[max(a, b)] = min(a, b)
    groups: dict[str, set[str]] = {}
    for key in parent:
        groups.setdefault(root(key), set()).add(key)
    return [frozenset(group) for group in groups.values()]


def people(keys: Iterable[str], edges: Iterable[Edge]) -> list[Person]:
    """The patients behind `keys` and whatever the edges (those that hold) join to them."""
    real = [edge for edge in edges if edge.cause != REVIEW and edge.source != edge.target]
    aliases = [edge for edge in real if edge.cause in SAME]
    merges = [edge for edge in real if edge.cause not in SAME]
    groups = _connected(keys, aliases)
    group_of = {key: group for group in groups for key in group}
    for edge in merges:
        for key in (edge.source, edge.target):
            if key not in group_of:
                group_of[key] = frozenset({key})
                groups.append(group_of[key])
    found = []
    for component in _connected(group_of, real):
        own = sorted((edge for edge in merges if edge.source in component), key=lambda edge: (edge.order, edge.target))
        survivor = own[-1].target if own else min(component)
        inside = sorted({group_of[key] for key in component}, key=lambda group: (survivor not in group, min(group)))
        found.append(Person(tuple(inside), survivor, tuple(own)))
    return found


def edges_of(keys: Iterable[str]) -> list[Edge]:
    """All edges of the open practice that hold and touch `keys` (global) directly or through others."""
    frontier, seen, found = set(keys), set(keys), {}
    for _hop in range(MAX_HOPS):
        if not frontier:
            break
        touching = Q()
        for feed, local in by_feed(frontier).items():
            touching |= Q(feed=feed, source_key__in=local) | Q(target_feed=feed, target_key__in=local)
        ends: set[str] = set()
        for row in IdentityLink.objects.filter(touching, linked=True):
            found[row.pk] = edge_of(row)
            ends |= {found[row.pk].source, found[row.pk].target}
        frontier = ends - seen
        seen |= ends
    return list(found.values())


def edge_of(row: IdentityLink) -> Edge:
    """A stored edge by its global keys."""
    return Edge(
        f"{row.feed_id.hex}:{row.source_key}", f"{row.target_feed_id.hex}:{row.target_key}", row.cause, row.order
    )
