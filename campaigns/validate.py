"""Is this document a rule? The schema first, then what it cannot say (campaigns.md §3)."""

import difflib
import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from campaigns import actions, triggers
from campaigns.json_schema import Checker, Fault, alternatives, join, shown

SCHEMA = Path(__file__).parent / "schema" / "rule.json"
PURPOSES = ("treatment", "own_health_service")
CHANNELS = ("email",)
LONGEST_JOURNEY = 400  # days
_STEP_MEMBERS = {"id", "do", "delay"}


def faults(document: Any, *, in_practice: bool = True) -> list[Fault]:
    """All faults of a document; empty where the rule can be turned on.

    The further checks run only on what the schema accepts, so that one mistake is told once. `in_practice`: names of
    surveys must exist in the current practice; without it they count as existing.
    """
    found = checker().faults(document)
    return found or sorted(_further(document, in_practice), key=lambda fault: fault.path)


def read(text: str | bytes) -> tuple[Any, list[Fault]]:
    """The document in a JSON text, or the fault that makes it none: encoding, syntax, a member twice, NaN."""
    try:
        decoded = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        return json.loads(decoded, object_pairs_hook=_once, parse_constant=_no_constant), []
    except UnicodeDecodeError as problem:
        return None, [Fault("", f"byte {problem.start} is no UTF-8")]
    except json.JSONDecodeError as problem:
        return None, [Fault("", f"line {problem.lineno}, column {problem.colno}: {problem.msg}")]
    except RecursionError:
        return None, [Fault("", "nested too deeply")]
    except ValueError as problem:
        return None, [Fault("", str(problem))]


@lru_cache(maxsize=1)
def checker() -> Checker:
    """The schema of rules."""
    return Checker(json.loads(SCHEMA.read_text()))


def _further(document: Mapping[str, Any], in_practice: bool) -> Iterator[Fault]:
    yield from _check_trigger(document["trigger"])
    yield from _check_stops(document)
    yield from _check_steps(document["steps"], in_practice)
    if document["purpose"] not in PURPOSES:
        yield _expected("purpose", document["purpose"], PURPOSES)
    if "audience" in document:
        yield Fault("audience", "found a condition on patients, expected none: leave it out to reach every patient")
    if document.get("holdout_percent", 0):
        yield Fault("holdout_percent", "expected 0: a rule that sends a survey keeps nobody aside")
    if document.get("cap_exempt", False):
        yield Fault("cap_exempt", "expected false: only reminders before a visit are exempt")


def _check_trigger(trigger: Mapping[str, Any]) -> Iterator[Fault]:
    if trigger["kind"] not in triggers.kinds():
        yield _expected("trigger/kind", trigger["kind"], triggers.kinds())
        return
    if trigger["after"]["unit"] == "days" and "at" not in trigger:
        yield Fault("trigger/at", "missing; expected a time from 06:00 to 21:00 where days are counted")
    if trigger["after"]["unit"] == "hours" and "at" in trigger:
        yield Fault("trigger/at", "expected no time of day where hours are counted")


def _check_stops(document: Mapping[str, Any]) -> Iterator[Fault]:
    """Stop conditions that can never occur after the rule's trigger."""
    if document["trigger"]["kind"] in triggers.kinds():
        possible = triggers.trigger(document["trigger"]["kind"]).stops
        for index, name in enumerate(document.get("stop_on", ())):
            if name not in possible:
                yield _expected(f"stop_on/{index}", name, sorted(possible))


def _check_steps(steps: list[Mapping[str, Any]], in_practice: bool) -> Iterator[Fault]:
    used: set[str] = set()
    for index, step in enumerate(steps):
        path = f"steps/{index}"
        if step["id"] in used:
            yield Fault(join(path, "id"), f"{shown(step['id'])} is the id of an earlier step")
        used.add(step["id"])
        yield from _check_step(step, path, in_practice)
    days = sum(_days(step.get("delay")) for step in steps)
    if days > LONGEST_JOURNEY:
        yield Fault("steps", f"the journey lasts {days:g} days, expected at most {LONGEST_JOURNEY}")


def _check_step(step: Mapping[str, Any], path: str, in_practice: bool) -> Iterator[Fault]:
    delay = step.get("delay", {})
    if delay.get("unit") == "hours" and "at" in delay:
        yield Fault(f"{path}/delay/at", "expected no time of day where hours are counted")
    if step["do"] not in actions.kinds():
        yield _expected(join(path, "do"), step["do"], actions.kinds())
        return
    members = _branch_members(step["do"])
    for name in step:
        if name not in members:
            yield Fault(join(path, name), f"unknown; expected {alternatives(sorted(members))}")
    for position, channel in enumerate(step.get("channel", ())):
        if channel not in CHANNELS:
            yield _expected(f"{path}/channel/{position}", channel, CHANNELS)
    action = actions.action(step["do"])
    if in_practice:
        known = [value for value, _label in action.choices()]
        if step[action.names] not in known:
            near = difflib.get_close_matches(step[action.names], known, n=1, cutoff=0.8)
            hint = f" Did you mean “{near[0]}”?" if near else f" Expected {alternatives(known)}." if known else ""
            yield Fault(join(path, action.names), f"{shown(step[action.names])} does not exist.{hint}")


@lru_cache(maxsize=8)
def _branch_members(do: str) -> frozenset[str]:
    branches = checker().root["$defs"]["step"]["oneOf"]
    branch = next(b for b in branches if b["properties"]["do"]["const"] == do)
    return frozenset(_STEP_MEMBERS | set(branch["properties"]))


def _days(delay: Mapping[str, Any] | None) -> float:
    return delay["n"] / (24 if delay["unit"] == "hours" else 1) if delay else 0


def _expected(path: str, found: Any, names: Any) -> Fault:
    return Fault(path, f"found {shown(found)}, expected {alternatives(list(names))}")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in pairs:
        if name in made:
            raise ValueError(f"“{name}” stands twice in one object")
        made[name] = value
    return made


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")
