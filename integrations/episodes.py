"""Episodes of one patient from what the source says, else derived from the visits (integrations.md §3). Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from integrations import codes
from integrations.facts import State, order_moment, value_of, weight
from integrations.things import Thing, latest, moment
from integrations.visits import VisitView

DAY = timedelta(days=1)
CORRECTION = timedelta(hours=72)  # reopened within: a correction, the same discharge (campaigns.md §2)
CARE_UNITS = ("payer", "plan", "authorisation", "referral", "surgery_date")


@dataclass
class EpisodeView:
    """One episode as it is now known. `key` is the source's own name, empty for a derived one."""

    key: str
    things: list[Thing]
    visits: list[VisitView] = field(default_factory=list)
    care: list[Thing] = field(default_factory=list)  # closings and requests that say something about it
    latest: bool = False
    discharges: list[tuple[str, Any]] = field(default_factory=list)  # (order, {"at", "reason"} or None), oldest first
    status: str = "planned"
    opened: datetime | None = None
    discharged: datetime | None = None
    reason: str = ""
    seq: int = 0
    reopened: datetime | None = None
    hidden: bool = False
    ineffective: bool = False  # a discharge that was dated before the opening

    def say(self, unit: str, patient: Sequence[State]) -> Any:
        """A value: of the episode itself, of what speaks about it, of its visits; for the latest one the patient's."""
        for circle in (self.things, self.care, [part for visit in self.visits for part in visit.parts]):
            found = latest((thing.weight(unit), thing.get(unit)) for thing in circle)
            if found:
                return found
        if self.latest:
            return latest((weight(state, unit), value_of(state, unit)) for state in patient)
        return None

    @property
    def kept(self) -> list[datetime]:
        """Starts of kept visits, oldest first."""
        return [visit.starts for visit in self.visits if visit.kept]


@dataclass
class Care:
    """All episodes of a patient, and the closings that found none, by key with the reason code."""

    episodes: list[EpisodeView]
    problems: dict[str, str]


def episodes(
    views: Sequence[VisitView], explicit: Mapping[str, Thing], requests: Mapping[str, Thing],
    closings: Sequence[Thing], *, gap: timedelta,
) -> Care:  # fmt: skip
    """Sort visits into episodes, close and open them. `views` oldest first."""
    named = {key: EpisodeView(key, [thing]) for key, thing in explicit.items()}
    by_name = {name: key for key, thing in explicit.items() for name in thing.names}
    loose: list[VisitView] = []
    for view in views:
        key = by_name.get(view.episode, view.episode)
        request = requests.get(view.request)
        if not key and request is not None and not request.deleted:
            key = request.key
        if not key:
            loose.append(view)
            continue
        if key not in named:
            named[key] = EpisodeView(key, [])
        named[key].visits.append(view)
        if request is not None and request not in named[key].care:
            named[key].care.append(request)
    loose = _by_open_episode(_by_plan(loose, requests, named), named)
    found = [*named.values(), *_derived(loose, gap)]
    for episode in found:
        episode.visits.sort(key=lambda view: (view.starts, min(view.names)))
        episode.discharges = [entry for thing in episode.things for entry in thing.history("discharge")]
        episode.hidden = bool(episode.things) and all(thing.deleted for thing in episode.things)
    problems = _attach(closings, found)
    for episode in found:
        _open_and_close(episode)
    living = [episode for episode in found if not episode.hidden]
    if living:
        max(living, key=_recency).latest = True
    return Care(found, problems)


def _recency(episode: EpisodeView) -> tuple[datetime, str]:
    known = [visit.starts for visit in episode.visits] + [at for at in (episode.opened, episode.discharged) if at]
    stated = [at for thing in episode.things if (at := thing.since("patient"))]
    return max(known or stated or [order_moment(f"{0:014d}")]), episode.key


def _by_plan(
    loose: Sequence[VisitView], requests: Mapping[str, Thing], named: dict[str, EpisodeView]
) -> list[VisitView]:
    """A care plan for therapy takes the visits of its period that nothing else claims, where it is the only one."""
    plans = [thing for thing in requests.values() if thing.get("period") and not thing.deleted]
    rest = []
    for view in loose:
        fitting = [plan for plan in plans if _covers(plan.get("period"), view.starts)]
        if len(fitting) != 1:
            rest.append(view)
            continue
        episode = named.setdefault(fitting[0].key, EpisodeView(fitting[0].key, [], care=[fitting[0]]))
        episode.visits.append(view)
    return rest


def _by_open_episode(loose: Sequence[VisitView], named: Mapping[str, EpisodeView]) -> list[VisitView]:
    """A booking that names no episode belongs to the source's own one that is open then, where there is one alone.

    FHIR's Appointment has no reference to an EpisodeOfCare; its Encounter, once it comes, has.
    """
    own = [episode for episode in named.values() if episode.things and not all(t.deleted for t in episode.things)]
    rest = []
    for view in loose:
        fitting = [episode for episode in own if _is_open_at(episode.things, view.starts)]
        if len(fitting) == 1:
            fitting[0].visits.append(view)
        else:
            rest.append(view)
    return rest


def _is_open_at(own: Sequence[Thing], at: datetime) -> bool:
    opened = latest((thing.weight("opened"), moment(thing.get("opened"))) for thing in own)
    closed = latest((thing.weight("discharge"), moment(thing.get("discharge"))) for thing in own)
    return (opened is None or opened - DAY <= at) and (closed is None or at <= closed + DAY)


def _covers(period: Mapping[str, Any], at: datetime) -> bool:
    first, last = moment(period.get("from")), moment(period.get("to"))
    return first is not None and first - DAY <= at and (last is None or at <= last + DAY)


def _derived(loose: Sequence[VisitView], gap: timedelta) -> list[EpisodeView]:
    """A new episode at an evaluation, or after a gap without a kept visit."""
    found: list[EpisodeView] = []
    last: datetime | None = None  # the last kept visit of the current one, else its last visit
    for view in loose:
        current = found[-1] if found else None
        evaluation = view.kind == "evaluation" and view.status not in {codes.CANCELLED, codes.NO_SHOW}
        starts_new = (
            current is None or (evaluation and bool(current.kept)) or (last is not None and view.starts - last > gap)
        )
        if starts_new:
            current = EpisodeView("", [])
            found.append(current)
        current.visits.append(view)
        if view.kept or not current.kept:
            last = view.starts
    return found


def _attach(closings: Sequence[Thing], found: list[EpisodeView]) -> dict[str, str]:
    """Give each discharge without an episode's name to the one episode that it closes."""
    problems: dict[str, str] = {}
    told = sorted(
        ((order, value, closing) for closing in closings for order, value in closing.history("discharge")),
        key=lambda entry: (_at(entry[1]) or order_moment(entry[0]), entry[0]),
    )
    owner: dict[str, EpisodeView] = {}
    for order, value, closing in told:
        target = owner.get(closing.key) if value is None else _closed_by(closing, _at(value), found)
        if target is None and value is not None and closing.get("period") and not found:
            target = EpisodeView(closing.key, [])
            found.append(target)
        if target is None:
            if value is not None:
                problems[closing.key] = "episode_ambiguous"
            continue
        problems.pop(closing.key, None)
        owner[closing.key] = target
        target.discharges.append((order, value))
        target.discharges.sort(key=lambda entry: entry[0])
        if closing not in target.care:
            target.care.append(closing)
    return problems


def _at(value: Any) -> datetime | None:
    return moment(value) if value is not None else None


def _closed_by(closing: Thing, at: datetime | None, found: Sequence[EpisodeView]) -> EpisodeView | None:
    number = closing.get("visit")
    for episode in found:
        if number and any(number in visit.names for visit in episode.visits):
            return episode
    if at is None:
        return None
    begun = [one for one in found if not one.hidden and (start := _begin(one)) and start <= at + DAY]
    running = [one for one in begun if not _closed_at(one, at)]
    if len(running) == 1:
        return running[0]
    if not running:  # sent again, or corrected
        again = [one for one in begun if (closed := _closed_at(one, at)) and at - closed <= CORRECTION]
        return again[0] if len(again) == 1 else None
    return None


def _begin(episode: EpisodeView) -> datetime | None:
    told = [at for thing in episode.things if (at := moment(thing.get("opened")))]
    told += [at for thing in episode.care if (at := moment(thing.get("opened")))]
    return min([*told, *(visit.starts for visit in episode.visits)], default=None)


def _closed_at(episode: EpisodeView, at: datetime) -> datetime | None:
    """When it was discharged before `at`, unless a visit was kept since."""
    told = [when for _order, value in episode.discharges if (when := _at(value)) and when <= at]
    if not told:
        return None
    closed = max(told)
    return None if any(closed + DAY < start <= at for start in episode.kept) else closed


def _open_and_close(episode: EpisodeView) -> None:
    """Status, opening, discharge, its number: from all statements and the kept visits."""
    kept = episode.kept
    explicit = [at for thing in (*episode.things, *episode.care) if (at := moment(thing.get("opened")))]
    episode.opened = min(explicit) if explicit else kept[0] if kept else None
    current: datetime | None = None
    closed_before: datetime | None = None
    reopened: datetime | None = None
    for order, value in sorted(episode.discharges, key=lambda entry: entry[0]):
        at = _at(value)
        if at is None:
            if current is not None:
                closed_before, reopened, current = current, order_moment(order), None
            continue
        if episode.opened is not None and at < episode.opened - DAY:
            episode.ineffective = True
            continue
        if current is not None:
            returned = next((start for start in kept if current + DAY < start <= at), None)
            if returned is not None:
                closed_before, reopened, current = current, returned, None
            elif value.get("weak"):
                continue  # the day on which the office closed the case after its discharge
        if current is None:
            is_correction = (
                closed_before is not None and reopened is not None and reopened - closed_before <= CORRECTION
            )
            episode.seq = max(episode.seq, 1) if is_correction else episode.seq + 1
        episode.ineffective = False
        reason = value.get("reason") or (episode.reason if current is not None else "")
        current, episode.reason = at, reason
    if current is not None:
        returned = next((start for start in kept if start > current + DAY), None)
        if returned is not None:
            reopened, current = returned, None
    episode.discharged, episode.reopened = current, reopened
    if current is None:
        episode.reason = ""
    _set_status(episode)


def _set_status(episode: EpisodeView) -> None:
    told = latest((thing.weight("status"), thing.get("status")) for thing in episode.things)
    if episode.discharged is not None:
        episode.status = "discharged"
        episode.reason = episode.reason or "unknown"
    elif episode.kept or told == "active":
        episode.status = "active"
    else:
        episode.status = "planned"


def diagnoses(episode: EpisodeView, conditions: Mapping[str, Thing], patient: Sequence[State]) -> list[list[str]]:
    """`[code, system]` of an episode: stated directly, else through its conditions in their order."""
    if direct := episode.say("diagnosis", patient):
        return direct
    found: list[list[str]] = []
    for key in episode.say("conditions", patient) or []:
        condition = conditions.get(key)
        if condition is not None and not condition.deleted:
            found += [one for one in condition.get("diagnosis", []) if one not in found]
    return found
