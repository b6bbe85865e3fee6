"""The life of a rule: draft, on, paused, archived; versions; who may (campaigns.md §1)."""

from datetime import datetime, timedelta
from typing import Any

from accounts.access import Refused, may
from accounts.models import Membership
from campaigns import evaluate, journey, validate
from campaigns.json_schema import Fault
from campaigns.models import EvaluationState, Rule, RuleClock, RuleVersion

State = Rule.State
LONGEST_BACKLOG = 90  # days
DRAFT, RUN = "campaigns.draft", "campaigns.run"


class InvalidRule(ValueError):
    """The document is no rule that could run; `faults` say where and why."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        super().__init__("; ".join(f"{fault.path}: {fault.message}" for fault in faults))


class WrongState(Exception):
    """The rule is not in a state that allows the act: somebody else was first."""


class WrongBacklog(ValueError):
    """`backlog_days` is outside 0-90."""


def create(document: dict[str, Any], *, by: Membership, now: datetime) -> Rule:
    """A new draft. InvalidRule; Refused where the role may not draft."""
    _check(by, DRAFT)
    _check_document(document)
    return Rule.objects.create(draft=document, name=document["name"], created_by=by, created_at=now, changed_at=now)


def save_draft(rule: Rule, document: dict[str, Any], *, by: Membership, now: datetime) -> Rule:
    """Keep a changed document beside the version in force, which goes on.

    InvalidRule; WrongState where the rule is archived; Refused where the role may not draft.
    """
    _check(by, DRAFT)
    _check_document(document)
    rule = _locked(rule, {State.DRAFT, State.ACTIVE, State.PAUSED})
    unchanged = rule.version is not None and rule.version.document == document
    rule.draft, rule.name, rule.changed_at = None if unchanged else document, document["name"], now
    rule.save(update_fields=["draft", "name", "changed_at"])
    return rule


def activate(rule: Rule, *, by: Membership, now: datetime, backlog_days: int = 0) -> Rule:
    """Turn a draft on at `now` (aware).

    What was due at or before `now - backlog_days` (0-90) never fires; a backlog is decided and released at once.
    InvalidRule, WrongState, WrongBacklog, Refused.
    """
    _check(by, RUN)
    backlog = _backlog(backlog_days)
    state = evaluate.claim(now=now)
    rule = _locked(rule, {State.DRAFT})
    at = _instant(state, now)
    _check_document(rule.draft)
    rule.version = _publish(rule, by=by, at=at)
    rule.state, rule.draft, rule.floor, rule.changed_at = State.ACTIVE, None, at - backlog, at
    rule.save(update_fields=["state", "draft", "version", "floor", "changed_at"])
    if backlog:
        evaluate.tick_rule(rule, at=at, look_back=max(evaluate.max_late(rule.version.document), backlog))
    evaluate.set_clocks([rule], after=at)
    return rule


def publish(rule: Rule, *, by: Membership, now: datetime, backlog_days: int = 0) -> Rule:
    """Put a rule's draft in force: a last tick under the old version, then the new one.

    Only where trigger or zone changed does the floor move, to `now - backlog_days`. Journeys in flight keep their
    version. A paused rule takes the new version without a tick.
    """
    _check(by, RUN)
    backlog = _backlog(backlog_days)
    state = evaluate.claim(now=now)
    rule = _locked(rule, {State.ACTIVE, State.PAUSED})
    if rule.draft is None:
        raise WrongState("there is no draft to publish")
    _check_document(rule.draft)
    at, before = _instant(state, now), rule.version.document
    active = rule.state == State.ACTIVE
    if active:
        evaluate.tick_rule(rule, at=at, look_back=evaluate.max_late(before))
    moved = timing_changed(before, rule.draft)
    rule.version, rule.draft, rule.changed_at = _publish(rule, by=by, at=at), None, at
    rule.floor, rule.rescan = (at - backlog, rule.rescan) if moved else (rule.floor, True)
    rule.save(update_fields=["version", "draft", "floor", "rescan", "changed_at"])
    if active:
        if moved and backlog:
            evaluate.tick_rule(rule, at=at, look_back=max(evaluate.max_late(rule.version.document), backlog))
        evaluate.set_clocks([rule], after=at)
        if rule.rescan:
            RuleClock.objects.filter(rule=rule).update(next_at=at)
    return rule


def pause(rule: Rule, *, by: Membership, now: datetime) -> Rule:
    """No decision and no release until it is resumed; nothing is lost. Whoever may draft may pause."""
    _check(by, DRAFT)
    state = evaluate.claim(now=now)
    rule = _locked(rule, {State.ACTIVE})
    rule.state, rule.changed_at = State.PAUSED, _instant(state, now)
    rule.save(update_fields=["state", "changed_at"])
    RuleClock.objects.filter(rule=rule).delete()
    return rule


def resume(rule: Rule, *, by: Membership, now: datetime, catch_up: bool) -> Rule:
    """Go on. With `catch_up` what came due meanwhile is decided and released unless it is too late; else none of it."""
    _check(by, RUN)
    state = evaluate.claim(now=now)
    rule = _locked(rule, {State.PAUSED})
    at = _instant(state, now)
    rule.state, rule.changed_at = State.ACTIVE, at
    if not catch_up:
        rule.floor = at
    rule.save(update_fields=["state", "floor", "changed_at"])
    if not catch_up:
        journey.hold_planned(rule, before=at, reason="paused")
    evaluate.tick_rule(rule, at=at, look_back=evaluate.max_late(rule.version.document))
    evaluate.set_clocks([rule], after=at)
    return rule


def archive(rule: Rule, *, by: Membership, now: datetime) -> Rule:
    """End a rule for good; its journeys end, its decisions stay readable. A draft that never ran is deleted instead."""
    _check(by, RUN)
    state = evaluate.claim(now=now)
    rule = _locked(rule, {State.ACTIVE, State.PAUSED})
    at = _instant(state, now)
    journey.end_all(rule, at=at, reason="archived")
    rule.state, rule.draft, rule.changed_at = State.ARCHIVED, None, at
    rule.name = rule.version.document["name"]
    rule.save(update_fields=["state", "draft", "name", "changed_at"])
    RuleClock.objects.filter(rule=rule).delete()
    return rule


def discard(rule: Rule, *, by: Membership, now: datetime) -> Rule | None:
    """Throw a draft away: the version in force is what is left; None where there was none and the rule is gone."""
    _check(by, DRAFT)
    rule = _locked(rule, {State.DRAFT, State.ACTIVE, State.PAUSED})
    if rule.version is None:
        rule.delete()
        return None
    rule.draft, rule.name, rule.changed_at = None, rule.version.document["name"], now
    rule.save(update_fields=["draft", "name", "changed_at"])
    return rule


def timing_changed(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether an edit moves due times: another trigger or zone."""
    return before["trigger"] != after["trigger"] or before.get("zone", "clinic") != after.get("zone", "clinic")


def _publish(rule: Rule, *, by: Membership, at: datetime) -> RuleVersion:
    number = rule.version.number + 1 if rule.version else 1
    return RuleVersion.objects.create(rule=rule, number=number, document=rule.draft, published_at=at, published_by=by)


def _locked(rule: Rule, expected: set[str]) -> Rule:
    """The rule as it is now, locked. WrongState where it is in none of the expected states; DoesNotExist."""
    found = Rule.objects.select_for_update(of=("self",)).select_related("version").get(pk=rule.pk)
    if found.state not in expected:
        raise WrongState(f"the rule is {found.state}, expected {' or '.join(sorted(expected))}")
    return found


def _instant(state: EvaluationState, now: datetime) -> datetime:
    """The instant of the act: never before what was evaluated while we waited for the claim."""
    return max(now, state.due_through)


def _backlog(days: int) -> timedelta:
    if not 0 <= days <= LONGEST_BACKLOG:
        raise WrongBacklog(f"backlog_days: found {days}, expected 0 to {LONGEST_BACKLOG}")
    return timedelta(days=days)


def _check(by: Membership, permission: str) -> None:
    if not may(by, permission):
        raise Refused(permission)


def _check_document(document: Any) -> None:
    if found := validate.faults(document):
        raise InvalidRule(found)
