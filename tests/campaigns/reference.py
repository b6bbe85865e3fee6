"""The slow reference: the definition of campaigns.md §2 over plain facts, one occurrence after another.

No SQL, no ranges, no code of `campaigns`: it reads the JSON and keeps its own facts, decisions and journeys.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

HOUR = timedelta(hours=1)
STOP_ORDER = ["booked", "visited", "answered", "opted_out", "readmitted"]


@dataclass
class Patient:
    name: str
    zone: str = ""
    home: str | None = None
    inactive: bool = False
    answered_at: datetime | None = None
    revoked_at: list[datetime] = field(default_factory=list)


@dataclass
class Episode:
    name: str
    patient: str
    clinic: str | None
    opened_at: datetime
    discharged_at: datetime | None = None
    seq: int = 0
    live_from: datetime | None = None
    hidden: bool = False
    reopened_at: datetime | None = None
    last_discharge: datetime | None = None


@dataclass
class Visit:
    patient: str
    starts_at: datetime
    booked_at: datetime | None
    status: str


@dataclass
class Rule:
    name: str
    document: dict[str, Any]
    state: str = "draft"
    floor: datetime | None = None
    version: int = 0


@dataclass
class Journey:
    rule: str
    document: dict[str, Any]
    patient: str
    episode: str
    seq: int
    zone: str
    start: datetime
    planned: datetime
    step: int = 0
    ended: tuple[datetime, str] | None = None


class World:
    """Facts as they are known now, and what was decided so far."""

    def __init__(self, zone: str, clinics: dict[str, str]) -> None:
        self.zone, self.clinics = zone, clinics
        self.patients: dict[str, Patient] = {}
        self.episodes: dict[str, Episode] = {}
        self.visits: dict[str, Visit] = {}
        self.rules: dict[str, Rule] = {}
        self.decisions: dict[tuple, tuple] = {}
        self.journeys: list[Journey] = []
        self.results: set[tuple] = set()
        self.last_tick: datetime | None = None

    # What a rule does

    def activate(self, name: str, at: datetime, backlog: int) -> None:
        rule = self.rules[name]
        rule.state, rule.version, rule.floor = "active", 1, at - timedelta(days=backlog)
        if backlog:
            self.tick_rule(rule, at, timedelta(days=backlog))

    def publish(self, name: str, document: dict[str, Any], at: datetime, backlog: int) -> None:
        rule = self.rules[name]
        if rule.state == "active":
            self.tick_rule(rule, at)
        moved = (rule.document["trigger"], rule.document.get("zone", "clinic")) != (
            document["trigger"], document.get("zone", "clinic"))  # fmt: skip
        rule.document, rule.version = document, rule.version + 1
        if moved:
            rule.floor = at - timedelta(days=backlog)
            if backlog and rule.state == "active":
                self.tick_rule(rule, at, timedelta(days=backlog))

    def resume(self, name: str, at: datetime, catch_up: bool) -> None:
        rule = self.rules[name]
        rule.state = "active"
        if not catch_up:
            rule.floor = at
            for j in self.running(name):
                while j.ended is None and j.planned < at:
                    self.settle(j, at, "held", "paused")
        self.tick_rule(rule, at)

    def archive(self, name: str, at: datetime) -> None:
        self.rules[name].state = "archived"
        for j in self.running(name):
            j.ended = (at, "archived")

    # Ticks

    def tick(self, at: datetime) -> None:
        if self.last_tick is not None and at < self.last_tick:
            return
        self.last_tick = at
        active = [rule for rule in self.rules.values() if rule.state == "active"]
        for rule in active:
            self.decide(rule, at, timedelta(0))
        for rule in active:
            self.release(rule, at)

    def tick_rule(self, rule: Rule, at: datetime, look_back: timedelta = timedelta(0)) -> None:
        self.decide(rule, at, look_back)
        self.release(rule, at)

    def decide(self, rule: Rule, at: datetime, look_back: timedelta) -> None:
        limit = max(self.max_late(rule.document), look_back)
        found = []
        for episode in self.episodes.values():
            if episode.discharged_at is None or episode.hidden or episode.live_from is None:
                continue
            zone = self.zone_of(episode, rule.document.get("zone", "clinic"))
            due = self.due(rule.document["trigger"], episode.discharged_at, zone)
            key = (rule.name, episode.patient, episode.name, episode.seq)
            floor = max(rule.floor, episode.live_from)
            if floor < due <= at and due >= at - limit and key not in self.decisions:
                found.append((due, episode.name, key, zone))
        for due, _name, key, zone in sorted(found, key=self.order):
            outcome = self.outcome(rule, key[1], at)
            self.decisions[key] = (due, at, rule.version, outcome)
            if outcome == "fired":
                start = due if at - due <= HOUR else at
                planned = self.planned(start, rule.document["steps"][0].get("delay"), zone)
                self.journeys.append(Journey(rule.name, rule.document, key[1], key[2], key[3], zone, start, planned))

    def order(self, found: tuple) -> tuple:
        """By due, then by the occurrence's key, which sorts as the episodes' ids do."""
        return (found[0], self.ids[found[1]]) if hasattr(self, "ids") else found[:2]

    def outcome(self, rule: Rule, patient: str, at: datetime) -> str:
        if self.patients[patient].inactive:
            return "patient_inactive"
        if any(j.patient == patient for j in self.running(rule.name)):
            return "in_journey"
        reentry = rule.document.get("reentry", "each")
        fired = [d[1] for key, d in self.decisions.items() if key[:2] == (rule.name, patient) and d[3] == "fired"]
        if reentry == "once" and fired:
            return "reentry"
        if isinstance(reentry, dict) and any(at - when < timedelta(days=reentry["gap_days"]) for when in fired):
            return "reentry"
        return "fired"

    def release(self, rule: Rule, at: datetime) -> None:
        for j in self.running(rule.name):
            while j.ended is None and j.planned <= at:
                if self.patients[j.patient].inactive:
                    j.ended = (at, "patient_inactive")
                elif stop := self.stopped(j):
                    j.ended = (at, f"stopped_{stop}")
                elif not self.holds(j):
                    j.ended = (at, "anchor_gone")
                elif at - j.planned > self.max_late(j.document):
                    self.settle(j, at, "held", "stale")
                else:
                    self.settle(j, at, "send", "")

    def settle(self, j: Journey, at: datetime, verdict: str, reason: str) -> None:
        steps = j.document["steps"]
        self.results.add((j.rule, j.patient, j.episode, j.seq, steps[j.step]["id"], j.planned, at, verdict, reason))
        j.step += 1
        if j.step == len(steps):
            j.ended = (at, "completed")
        else:
            j.planned = self.planned(j.planned, steps[j.step].get("delay"), j.zone)

    # Questions about the facts

    def running(self, rule: str) -> list[Journey]:
        return [j for j in self.journeys if j.rule == rule and j.ended is None]

    def holds(self, j: Journey) -> bool:
        episode = self.episodes[j.episode]
        return episode.discharged_at is not None and episode.seq == j.seq and not episode.hidden

    def stopped(self, j: Journey) -> str | None:
        patient = self.patients[j.patient]
        visits = [v for v in self.visits.values() if v.patient == j.patient]
        own = [e for e in self.episodes.values() if e.patient == j.patient and not e.hidden]
        met = {
            "booked": any(v.status != "cancelled" and v.booked_at and v.booked_at > j.start for v in visits),
            "visited": any(v.status == "completed" and v.starts_at > j.start for v in visits),
            "answered": bool(patient.answered_at and patient.answered_at > j.start),
            "opted_out": any(when > j.start for when in patient.revoked_at),
            "readmitted": any(
                e.opened_at > j.start or (e.reopened_at is not None and e.reopened_at > j.start) for e in own
            ),
        }
        return next((name for name in STOP_ORDER if name in j.document.get("stop_on", []) and met[name]), None)

    def zone_of(self, episode: Episode, setting: str) -> str:
        patient = self.patients[episode.patient]
        if setting == "patient" and patient.zone:
            return patient.zone
        if episode.clinic:
            return self.clinics[episode.clinic]
        own = [e for e in self.episodes.values() if e.patient == patient.name and not e.hidden]
        latest = max(own, key=lambda e: (e.opened_at, self.ids[e.name] if hasattr(self, "ids") else e.name))
        if latest.clinic:
            return self.clinics[latest.clinic]
        return self.clinics[patient.home] if patient.home else self.zone

    @staticmethod
    def max_late(document: dict[str, Any]) -> timedelta:
        return timedelta(hours=document.get("max_late_hours", 72))

    @staticmethod
    def due(trigger: dict[str, Any], anchor: datetime, zone: str) -> datetime:
        after = trigger["after"]
        if after["unit"] == "hours":
            return anchor + after["n"] * HOUR
        date = anchor.astimezone(ZoneInfo(zone)).date() + timedelta(days=after["n"])
        hour, minute = map(int, trigger["at"].split(":"))
        return datetime.combine(date, time(hour, minute), ZoneInfo(zone)).astimezone(UTC)

    @staticmethod
    def planned(previous: datetime, delay: dict[str, Any] | None, zone: str) -> datetime:
        if delay is None:
            return previous
        if delay["unit"] == "hours":
            return previous + delay["n"] * HOUR
        local = previous.astimezone(ZoneInfo(zone))
        wall = time.fromisoformat(delay["at"]) if "at" in delay else local.time()
        date = local.date() + timedelta(days=delay["n"])
        return datetime.combine(date, wall, ZoneInfo(zone)).astimezone(UTC)
