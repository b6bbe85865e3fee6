"""What a message states, and how statements about one thing are merged. Pure: no database, no clock.

A statement carries an order key; per value (unit) the statement with the greatest key wins. The state is a function of
the set of statements, whatever their order and number (integrations.md §2).
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

PATIENT, EPISODE, VISIT, CLOSING, REQUEST = "patient", "episode", "visit", "closing", "request"
THERAPIST, CLINIC, CONDITION, COVERAGE, LINK = "therapist", "clinic", "condition", "coverage", "link"

# Unit to field group (integrations.md §2): feeds have priority per group; within a feed each unit is merged by itself,
# because an empty HL7 v2 field is no statement and must not take its neighbour with it.
GROUPS: Mapping[str, str] = {
    "name": "name", "birth_date": "birth_sex", "sex": "birth_sex", "phone": "phones", "email": "email",
    "address": "address", "language": "language", "deceased_at": "death", "identifiers": "ids", "active": "active",
    "opened": "opened", "status": "opened", "discharge": "discharge", "diagnosis": "diagnosis", "side": "diagnosis",
    "surgery_date": "diagnosis", "therapist": "therapist", "clinic": "clinic", "payer": "payer", "plan": "plan",
    "authorisation": "authorisation", "referral": "referral", "therapy": "opened", "conditions": "diagnosis",
    "coverages": "payer", "schedule": "schedule", "schedule_status": "schedule_status", "clinical": "clinical_status",
    "evidence": "clinical_status", "kind": "kind", "cpt": "kind", "patient": "episode", "episode": "episode",
    "request": "episode", "appointment": "episode", "moved_to": "episode", "deleted": "deleted", "npi": "name",
    "credential": "name", "time_zone": "name", "linked": "link", "cause": "link", "cancelled_by": "schedule_status",
    "clinical_times": "schedule", "booked_at": "schedule", "visit": "episode", "period": "opened",
}  # fmt: skip

HISTORY = frozenset({"discharge"})  # all statements are kept: reopening and `discharge_seq` need them
KEPT_POINTS = 40  # of a run of equal values; a late statement is exact unless it falls between points thinned out
MAX_KEY = 120


@dataclass(frozen=True, slots=True)
class Fact:
    """What one message states about one thing.

    `key`: the source's own name of the thing, with its authority (`MRN|123`, `Encounter/9`). `order`: `order_key`.
    `values`: unit (see GROUPS) to a JSON value; None deletes; a unit that is not there is no statement.
    """

    entity: str
    key: str
    order: str
    values: Mapping[str, Any]


@dataclass
class Parsed:
    """What a parser made of one message: facts, or the reason why there are none.

    `outcome`: apply, ignored, dead or rejected. `code` and `reason` say why (no PHI beyond the offending value's
    shape); `flags` are codes of what was read around. `kind` names the message (`ADT^A03`, `Encounter`);
    `source_ts` is aware, or None where the source gives none.
    """

    kind: str = ""
    source_ts: datetime | None = None
    outcome: str = "apply"
    code: str = ""
    reason: str = ""
    where: str = ""  # the segment and field, or the path, to highlight
    facts: list[Fact] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    control_id: str = ""
    needs_patient: str = ""  # key of a patient whom another message must bring
    closing: tuple[str, str] | None = None  # (entity, key) of the discharge that must find its episode
    closings: dict[str, int] = field(default_factory=dict)  # of a chunk of rows: such a discharge's key to its row

    def flag(self, code: str) -> None:
        """Note once what was read around."""
        if code not in self.flags:
            self.flags.append(code)


class Refusal(Exception):
    """The message makes no facts: `outcome` ignored, dead or rejected, a reason code and a sentence for a person."""

    def __init__(self, outcome: str, code: str, reason: str, where: str = "") -> None:
        self.outcome, self.code, self.reason, self.where = outcome, code, reason, where
        super().__init__(code)


def dead(code: str, reason: str, where: str = "") -> Refusal:
    """A dead letter: a person must look."""
    return Refusal("dead", code, reason, where)


def order_key(source_ts: datetime, *, rank: int = 0, sequence: str = "", control_id: str = "", digest: str = "") -> str:
    """The sortable order key (source_ts, rank, MSH-13, MSH-10 where numeric, digest) of integrations.md §2.

    `source_ts` aware. `rank` orders what happened at the same moment (completed > no-show > cancelled > …).
    """
    moment = source_ts.astimezone(UTC)
    millis = int(moment.timestamp() * 1000) + 10**13  # positive from 1653 on
    return f"{millis:014d}.{rank:02d}.{_number(sequence):010d}.{_number(control_id):018d}.{digest[:16]}"


def order_moment(order: str) -> datetime:
    """The source_ts within an order key (UTC)."""
    return datetime.fromtimestamp((int(order[:14]) - 10**13) / 1000, UTC)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else 0


def entity_key(*parts: str) -> str:
    """Join an authority and an id to a key; one that is too long for a column is cut and told apart by its hash."""
    key = "|".join(parts)
    if len(key) <= MAX_KEY:
        return key
    return f"{key[: MAX_KEY - 17]}#{hashlib.sha256(key.encode()).hexdigest()[:16]}"


def canonical(value: Any) -> str:
    """One spelling per JSON value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


HAND = -1  # the rank of what staff entered by hand: it competes by time alone (integrations.md §2, daily.md §8)


class FeedState(dict[str, Any]):
    """The merge state of one record (`State`) as a projection over several feeds reads it.

    `rank`: of two feeds' values the one of the greater rank wins, or HAND. References are `global_key`s.
    """

    __slots__ = ("rank",)

    def __init__(self, state: Mapping[str, Any] = MappingProxyType({}), *, rank: int = 0) -> None:
        super().__init__(state)
        self.rank = rank


# The merge state of one thing: {unit: {"v": value, "p": [points of the last run], "b": last point before it}},
# for units in HISTORY {unit: {"h": [[point, value], …]}}. A point is an order key plus a hash of the value, so that
# points are totally ordered even where one message states two values.
State = dict[str, dict[str, Any]]


def merge(state: State, facts: Iterable[Fact]) -> bool:
    """Add statements to `state` in place; True where anything in it changed. Duplicates and order do not matter."""
    changed = False
    for fact in facts:
        for unit, value in fact.values.items():
            point = f"{fact.order}.{hashlib.sha256(canonical(value).encode()).hexdigest()[:8]}"
            if unit in HISTORY:
                changed |= _merge_history(state.setdefault(unit, {"h": []}), point, value)
            elif unit not in state:
                state[unit] = {"v": value, "p": [point], "b": ""}
                changed = True
            else:
                changed |= _merge_run(state[unit], point, value)
    return changed


def _merge_run(run: dict[str, Any], point: str, value: Any) -> bool:
    points, boundary = run["p"], run["b"]
    if point <= boundary or point in points:
        return False
    if run["v"] == value:
        points.append(point)
        points.sort()
        if len(points) > KEPT_POINTS:
            del points[1]
        return True
    if point > points[-1]:
        run.update({"v": value, "p": [point], "b": points[-1]})
    else:  # a late statement splits the run: what follows it is the last run now
        run.update({"p": [p for p in points if p > point], "b": point})
    return True


def _merge_history(history: dict[str, Any], point: str, value: Any) -> bool:
    entries = history["h"]
    if any(known == point for known, _value in entries):
        return False
    entries.append([point, value])
    entries.sort(key=lambda entry: entry[0])
    return True


def value_of(state: State, unit: str, default: Any = None) -> Any:
    """The value that holds now; `default` where nothing was stated or where it was deleted."""
    run = state.get(unit)
    if run is None:
        return default
    value = (run["h"][-1][1] if run["h"] else None) if "h" in run else run["v"]
    return default if value is None else value


def stated(state: State, unit: str) -> bool:
    """True where the unit was ever stated, a deletion included."""
    return unit in state


def changed_order(state: State, unit: str) -> str:
    """The point at which the value that holds was first stated: a re-sent value is no newer change."""
    run = state.get(unit)
    if run is None:
        return ""
    return (run["h"][-1][0] if run["h"] else "") if "h" in run else run["p"][0]


def history_of(state: State, unit: str) -> list[tuple[str, Any]]:
    """All statements of a unit in HISTORY, oldest first."""
    return [(point, value) for point, value in state.get(unit, {}).get("h", [])]


Weight = tuple[int, str]  # the rank of the feed that says it, and the order at which it was first stated


def weight(state: State, unit: str) -> Weight:
    """How much the value that holds counts against those of other states; its order is empty where none was stated."""
    return getattr(state, "rank", 0), changed_order(state, unit)


def winner(told: Iterable[tuple[Weight, Any]]) -> tuple[Weight, Any] | None:
    """The value that holds of several: feed priority, then time; what was entered by hand wins where it is newer.

    None where nothing was stated (values of an empty order do not count).
    """
    best: tuple[Weight, Any] | None = None
    by_hand: tuple[Weight, Any] | None = None
    for one in told:
        rank, order = one[0]
        if not order:
            continue
        if rank == HAND:
            by_hand = one if by_hand is None or order > by_hand[0][1] else by_hand
        elif best is None or one[0] > best[0]:
            best = one
    if by_hand is None or (best is not None and best[0][1] > by_hand[0][1]):
        return best
    return by_hand


def newest(states: Iterable[State], unit: str) -> Any:
    """The value of the unit over several states of one thing (linked ids): the one that holds (`winner`); else None."""
    found = winner((weight(state, unit), value_of(state, unit)) for state in states)
    return found[1] if found else None
