"""From what is known of patients to their rows: patients, external ids, episodes, visits, regions; set-based.

Everything here follows from the merge state: projecting twice changes nothing. Rows are compared before they are
written, so a message that brings no news writes none.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q

from integrations import contact, sources
from integrations.episodes import Care, EpisodeView, diagnoses, episodes
from integrations.facts import CLOSING, CONDITION, COVERAGE, EPISODE, PATIENT, REQUEST, VISIT, State, newest, stated
from integrations.identity import Person, edges_of, people
from integrations.models import Feed, SourceRecord
from integrations.staffing import clinics_for, therapists_for
from integrations.things import Thing, latest, moment, things
from integrations.visits import VisitView, visits
from integrations.writing import VISIT_EPISODE, Changes, values_of, write
from patients.models import Episode, Patient, Visit
from patients.models.people import search_form
from patients.regions import is_post_surgical, regions_of, side_of
from prm import ids

_DERIVED = "derived:"


@dataclass
class _Loaded:
    """What the projection of the touched people reads."""

    feeds: Mapping[str, Feed]  # by the hex of their ids
    now: datetime
    patients: dict[UUID, Patient]
    episodes_of: dict[UUID, list[Episode]]  # by the patient whose they were
    episode_by_source: dict[str, Episode]
    visits: dict[UUID, Visit]
    visit_keys: set[str]
    changes: Changes


def project(touched: set[str], *, now: datetime) -> Changes:
    """Compute and write the rows of the patients behind `touched` (global keys). Runs in the caller's transaction."""
    changes = Changes()
    feeds = sources.of_practice()
    found = people(touched, edges_of(touched))
    records = _records({key for person in found for key in person.keys}, feeds)
    by_patient: dict[str, list[SourceRecord]] = defaultdict(list)
    for record in records:
        by_patient[sources.global_key(feeds[record.feed_id.hex], record.patient_key)].append(record)
    loaded = _load(feeds, records, changes, now)
    plans = []
    for person in found:
        plan = _Plan(person, [record for key in sorted(person.keys) for record in by_patient[key]], feeds)
        if plan.own[PATIENT]:
            changes.known |= set(person.keys)
            plans.append(plan)
    _staff(feeds, plans)
    for plan in plans:
        _project_person(loaded, plan)
    write(changes, now=now)
    return changes


def _records(keys: set[str], feeds: Mapping[str, Feed]) -> list[SourceRecord]:
    wanted = Q(pk=None)
    by_hand = [feed for feed in feeds.values() if feed.kind == Feed.Kind.HAND]
    for feed, local in sources.by_feed(keys).items():
        wanted |= Q(feed=feed, patient_key__in=local)
    if by_hand:
        wanted |= Q(feed__in=by_hand, patient_key__in=keys)
    return list(SourceRecord.objects.filter(wanted))


def _load(feeds: Mapping[str, Feed], records: Sequence[SourceRecord], changes: Changes, now: datetime) -> _Loaded:
    ids = {entity: {r.row_id for r in records if r.entity == entity and r.row_id} for entity in (PATIENT, VISIT)}
    patients = {row.pk: row for row in Patient.objects.filter(pk__in=ids[PATIENT])}
    keys = {sources.global_key(feeds[r.feed_id.hex], r.key) for r in records if r.entity in {EPISODE, REQUEST}}
    episodes_found = {r.pk: r for r in Episode.objects.filter(Q(patient__in=patients) | Q(source_key__in=keys))}
    visits_found = {r.pk: r for r in Visit.objects.filter(Q(patient__in=patients) | Q(pk__in=ids[VISIT]))}
    for rows in (episodes_found, visits_found):
        for pk in [row.pk for row in rows.values() if sources.split_key(row.source_key)[0] not in feeds]:
            del rows[pk]  # not made from what feeds say
    for row in (*patients.values(), *episodes_found.values(), *visits_found.values()):
        changes.before[row.pk] = values_of(row)
    by_source = {row.source_key: row for row in episodes_found.values()}
    by_patient: dict[UUID, list[Episode]] = defaultdict(list)
    for row in episodes_found.values():
        by_patient[row.patient_id].append(row)
    visit_keys = {row.source_key for row in visits_found.values()}
    return _Loaded(feeds, now, patients, by_patient, by_source, visits_found, visit_keys, changes)


class _Plan:
    """What is now known of one person: his visits and episodes, before they become rows."""

    def __init__(self, person: Person, records: Iterable[SourceRecord], feeds: Mapping[str, Feed]) -> None:
        self.person = person
        self.own: dict[str, dict[str, list[SourceRecord]]] = defaultdict(lambda: defaultdict(list))
        told: dict[str, dict[str, list[State]]] = defaultdict(lambda: defaultdict(list))
        speaking: dict[str, Feed] = {}
        for record in records:
            feed = feeds[record.feed_id.hex]
            key = sources.global_key(feed, record.key)
            self.own[record.entity][key].append(record)
            told[record.entity][key].append(sources.state_for_people(feed, record.state))
            speaking[feed.pk.hex] = feed
        self.states: list[State] = [state for key in sorted(told[PATIENT]) for state in told[PATIENT][key]]
        named = {entity: things(told[entity]) for entity in (EPISODE, VISIT, CLOSING, REQUEST, CONDITION, COVERAGE)}
        self.named = named
        self.feeds = sorted(speaking.values(), key=lambda feed: (feed.kind == Feed.Kind.HAND, feed.priority, feed.pk))
        if not self.own[PATIENT]:
            return
        self.visits = visits(list(named[VISIT].values()), self.feeds[0].zone)
        gap = timedelta(days=self.feeds[0].settings.get("gap_days", 60))
        self.care: Care = episodes(self.visits, named[EPISODE], named[REQUEST], list(named[CLOSING].values()), gap=gap)
        self.clinics: dict[str, Any] = {}
        self.therapists: dict[str, Any] = {}

    def live_from(self, episode: EpisodeView) -> datetime | None:
        """The first moment at which a feed that speaks of the episode went live; None where none is."""
        names = {name for thing in (*episode.things, *episode.care) for name in thing.names}
        names |= {name for visit in episode.visits for name in visit.names}
        prefixes = {sources.split_key(name)[0] for name in names}
        return min((f.live_at for f in self.feeds if f.live_at and f.pk.hex in prefixes), default=None)

    def clinic_key(self, episode: EpisodeView) -> str:
        """The source's key of the episode's clinic: stated, else that of its newest visit."""
        return episode.say("clinic", self.states) or next((v.clinic for v in reversed(episode.visits) if v.clinic), "")

    def therapist_key(self, episode: EpisodeView) -> str:
        """The source's key of the treating therapist: stated of the episode, else who saw the patient last."""
        stated_key = episode.things[0].get("therapist") if episode.things else None
        if stated_key:
            return stated_key
        seen = [v.therapist for v in episode.visits if v.kept and v.therapist]
        return seen[-1] if seen else episode.say("therapist", self.states) or ""


def _staff(feeds: Mapping[str, Feed], plans: Sequence[_Plan]) -> None:
    clinic_keys, therapist_keys = set(), set()
    for plan in plans:
        clinic_keys |= {v.clinic for v in plan.visits} | {plan.clinic_key(e) for e in plan.care.episodes}
        therapist_keys |= {v.therapist for v in plan.visits} | {plan.therapist_key(e) for e in plan.care.episodes}
    clinics = _rows_by_feed(clinics_for, feeds, clinic_keys - {""})
    therapists = _rows_by_feed(therapists_for, feeds, therapist_keys - {""})
    for plan in plans:
        plan.clinics, plan.therapists = clinics, therapists


def _rows_by_feed(find: Any, feeds: Mapping[str, Feed], keys: set[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for feed, local in sorted(sources.by_feed(keys).items()):
        found |= {f"{feed}:{key}": row for key, row in find(feeds[feed], local).items()}
    return found


def _project_person(loaded: _Loaded, plan: _Plan) -> None:
    survivor = _patient_rows(loaded, plan)
    visit_rows = _visit_rows(loaded, plan, survivor)
    _episode_rows(loaded, plan, survivor, visit_rows)
    loaded.changes.problems |= plan.care.problems
    _external_ids(loaded, plan, survivor)


def _patient_rows(loaded: _Loaded, plan: _Plan) -> Patient:
    """One row a group of ids; those of retired groups lead to the survivor's."""
    rows: list[list[Patient]] = []
    for group in plan.person.groups:
        records = [r for key in sorted(group) if key in plan.own[PATIENT] for r in plan.own[PATIENT][key]]
        if not records:
            continue
        own = sorted({r.row_id for r in records if r.row_id in loaded.patients})
        if not own:
            made = Patient(practice_id=records[0].practice_id, is_sample=all(feed.is_sample for feed in plan.feeds))
            made.created_at = loaded.now
            loaded.patients[made.pk] = made
            loaded.changes.new.add(made.pk)
            own = [made.pk]
        for record in records:
            if record.row_id not in loaded.patients:
                record.row_id = own[0]
                loaded.changes.records[record.pk] = record
        rows.append([loaded.patients[pk] for pk in own])
    survivor = rows[0][0]
    for row in (row for group in rows for row in group):
        row.merged_into_id = None if row is survivor else survivor.pk
        loaded.changes.patients[row.pk] = row
    address = (survivor.email, survivor.phone)
    _set_patient(survivor, plan, loaded)
    appeared = (survivor.email and survivor.email != address[0]) or (survivor.phone and survivor.phone != address[1])
    if appeared and not survivor.is_sample:
        loaded.changes.addressed.append(survivor)
    return survivor


def _set_patient(row: Patient, plan: _Plan, loaded: _Loaded) -> None:
    states = plan.states
    if any(stated(state, "name") for state in states):
        name = newest(states, "name") or {}
        row.first_name, row.last_name = name.get("first", ""), name.get("last", "")
        row.suffix = name.get("suffix", "")
        row.search_name = search_form(row.last_name, row.first_name)[:260]
        row.test_name = contact.is_test_name(row.first_name, row.last_name)
    born = newest(states, "birth_date")
    row.birth_date = date.fromisoformat(born) if born else None
    row.sex = newest(states, "sex") or Patient.Sex.UNKNOWN
    row.language = newest(states, "language") or "en"
    row.email, row.phone = newest(states, "email") or "", newest(states, "phone") or ""
    row.address = newest(states, "address") or {}
    row.deceased_at = moment(newest(states, "deceased_at"))
    gone = Thing("", [], states)
    if newest(states, "deleted") is True:
        row.archived_at = gone.since("deleted")
    elif newest(states, "active") is False:
        row.archived_at = gone.since("active")
    else:
        row.archived_at = None
    clinic = next((v.clinic for v in reversed(plan.visits) if v.clinic and not v.hidden), "")
    if clinic or plan.care.episodes:
        key = clinic or next((k for e in plan.care.episodes if (k := plan.clinic_key(e))), "")
        row.home_clinic_id = plan.clinics[key].pk if key in plan.clinics else row.home_clinic_id


def _visit_rows(loaded: _Loaded, plan: _Plan, patient: Patient) -> dict[int, Visit]:
    """The row of each view by its `id()`; a row that no view uses any more is hidden."""
    claimed: set[UUID] = set()
    found: dict[int, Visit] = {}
    for view in plan.visits:
        names = sorted(set(view.names), key=view.names.index)
        records = [record for name in names for record in plan.own[VISIT][name]]
        free = sorted({r.row_id for r in records if r.row_id in loaded.visits} - claimed)
        if free:
            row = loaded.visits[free[0]]
        else:
            row = Visit(practice_id=patient.practice_id, source_key=view.names[0])
            if row.source_key in loaded.visit_keys:
                row.source_key = f"{view.names[0][:113]}#{row.pk.hex}"
            loaded.visit_keys.add(row.source_key)
            loaded.visits[row.pk] = row
            loaded.changes.new.add(row.pk)
        claimed.add(row.pk)
        for record in records:
            if record.row_id not in loaded.visits or (record.row_id in claimed and record.row_id != row.pk):
                record.row_id = row.pk
                loaded.changes.records[record.pk] = record
        _set_visit(row, view, plan, patient)
        loaded.changes.visits[row.pk] = row
        found[id(view)] = row
    for record in (record for records in plan.own[VISIT].values() for record in records):
        if record.row_id in loaded.visits and record.row_id not in claimed:
            row = loaded.visits[record.row_id]
            row.hidden, row.episode_id, row.ordinal = True, None, None
            loaded.changes.visits[row.pk] = row
    return found


def _set_visit(row: Visit, view: VisitView, plan: _Plan, patient: Patient) -> None:
    row.patient_id = patient.pk
    row.starts_at, row.ends_at, row.day_precision = view.starts, view.ends, view.day_only
    row.status, row.kind, row.hidden = view.status, view.kind, view.hidden
    row.booked_at, row.cancelled_at, row.cancelled_by = view.booked_at, view.cancelled_at, view.cancelled_by
    row.cpt_codes = view.cpt
    row.clinic_id = plan.clinics[view.clinic].pk if view.clinic else None
    row.therapist_id = plan.therapists[view.therapist].pk if view.therapist else None
    row.episode_id = row.ordinal = None  # set with the episode


def _episode_rows(loaded: _Loaded, plan: _Plan, patient: Patient, visit_rows: dict[int, Visit]) -> None:
    used: set[UUID] = set()
    pairs: list[tuple[EpisodeView, Episode]] = []
    derived = [view for view in plan.care.episodes if not view.key]
    for view in plan.care.episodes:
        if view.key:
            row = loaded.episode_by_source.get(view.key) or _new_episode(loaded, patient, view.key)
            pairs.append((view, row))
    pairs += _match_derived(loaded, plan, patient, derived, visit_rows)
    for view, row in pairs:
        used.add(row.pk)
        _set_episode(row, view, plan, patient, loaded, [visit_rows[id(v)] for v in view.visits])
        loaded.changes.episodes[row.pk] = row
        if view.ineffective:
            loaded.changes.problems[view.key] = "discharge_before_start"
            for closing in view.care:
                loaded.changes.problems[closing.key] = "discharge_before_start"
    for patient_id in _own_rows(plan):
        for row in loaded.episodes_of.get(patient_id, ()):
            if row.pk not in used and row.pk not in loaded.changes.episodes and not row.hidden:
                row.hidden = True  # its visits belong to another episode now
                loaded.changes.episodes[row.pk] = row


def _own_rows(plan: _Plan) -> set[UUID]:
    """The patient rows of one person, retired ones too."""
    return {record.row_id for records in plan.own[PATIENT].values() for record in records if record.row_id}


def _new_episode(loaded: _Loaded, patient: Patient, source_key: str) -> Episode:
    row = Episode(practice_id=patient.practice_id, source_key=source_key, created_at=loaded.now)
    loaded.changes.new.add(row.pk)
    loaded.episode_by_source[source_key] = row
    return row


def _match_derived(
    loaded: _Loaded, plan: _Plan, patient: Patient, derived: Sequence[EpisodeView], visit_rows: dict[int, Visit]
) -> list[tuple[EpisodeView, Episode]]:
    """Derived episodes keep their rows: by the greatest number of visits in common, then in the order of time."""
    mine = [row for patient_id in sorted(_own_rows(plan)) for row in loaded.episodes_of.get(patient_id, ())]
    rows = [row for row in mine if sources.split_key(row.source_key)[1].startswith(_DERIVED)]
    was_in: dict[UUID, UUID] = {}
    for row in visit_rows.values():
        if before := loaded.changes.before.get(row.pk):
            was_in[row.pk] = before[VISIT_EPISODE]
    shared = sorted(
        (
            (-sum(was_in.get(visit_rows[id(v)].pk) == row.pk for v in view.visits), row.pk, index)
            for index, view in enumerate(derived)
            for row in rows
        ),
    )
    taken: dict[int, Episode] = {}
    free = {row.pk: row for row in rows}
    for score, pk, index in shared:
        if score < 0 and index not in taken and pk in free:
            taken[index] = free.pop(pk)
    left = sorted(free.values(), key=lambda row: (row.opened_at or row.discharged_at or row.created_at, row.pk))
    for index in range(len(derived)):
        if index not in taken:
            name = f"{plan.feeds[0].pk.hex}:{_DERIVED}{ids.uuid7().hex}"
            taken[index] = left.pop(0) if left else _new_episode(loaded, patient, name)
    return [(view, taken[index]) for index, view in enumerate(derived)]


def _set_episode(
    row: Episode, view: EpisodeView, plan: _Plan, patient: Patient, loaded: _Loaded, visit_rows: Sequence[Visit]
) -> None:
    states = plan.states
    if row.patient_id is not None and row.patient_id != patient.pk and row.original_patient_id is None:
        row.original_patient_id = row.patient_id
    row.patient_id = patient.pk
    if row.original_patient_id == patient.pk:
        row.original_patient_id = None
    row.hidden, row.opened_at, row.live_from = view.hidden, view.opened, plan.live_from(view)
    row.discharged_at, row.discharge_reason = view.discharged, view.reason if view.discharged else ""
    row.discharge_seq, row.reopened_at = view.seq, view.reopened
    clinic, therapist = plan.clinic_key(view), plan.therapist_key(view)
    row.clinic_id = plan.clinics[clinic].pk if clinic else None
    row.therapist_id = plan.therapists[therapist].pk if therapist else None
    _set_care(row, view, plan, states, loaded.changes)
    lapsed = row.status == Episode.Status.LAPSED
    seen = (row.last_visit_at, row.next_visit_at)
    _set_projections(row, visit_rows, loaded.now)
    unchanged = lapsed and view.status == Episode.Status.ACTIVE and seen == (row.last_visit_at, row.next_visit_at)
    row.status = Episode.Status.LAPSED if unchanged else view.status


def _set_care(row: Episode, view: EpisodeView, plan: _Plan, states: Sequence[State], changes: Changes) -> None:
    codes = diagnoses(view, plan.named[CONDITION], states)
    row.diagnosis_codes = [code for code, _system in codes]
    icd10 = [code for code, system in codes if system == "I10"]
    row.side = next((side for code in icd10 if (side := side_of(code))), "")
    row.post_surgical = is_post_surgical(icd10)
    changes.regions[row.pk] = regions_of(icd10) if codes else []
    covers = [thing for thing in plan.named[COVERAGE].values() if not thing.deleted and thing.get("payer")]
    cover = latest((thing.weight("payer"), thing.get("payer")) for thing in covers) if view.latest else None
    row.payer_kind = view.say("payer", states) or cover or Episode.PayerKind.UNKNOWN
    planned = view.say("plan", states) or {}
    row.planned_visits, row.planned_per_week = planned.get("planned_visits"), planned.get("planned_per_week")
    authorised = view.say("authorisation", states) or {}
    row.authorised_visits = authorised.get("visits")
    row.authorised_to = date.fromisoformat(authorised["to"]) if authorised.get("to") else None
    surgery = view.say("surgery_date", states)
    row.surgery_date = date.fromisoformat(surgery) if surgery else None
    referral = view.say("referral", states) or {}
    row.referral_source, row.referrer_name = referral.get("source", ""), referral.get("name", "")
    row.referrer_npi = referral.get("npi", "")


def _set_projections(row: Episode, visit_rows: Sequence[Visit], now: datetime) -> None:
    shown = [visit for visit in visit_rows if not visit.hidden]
    done = sorted((v for v in shown if v.status == Visit.Status.COMPLETED), key=lambda v: (v.starts_at, v.pk))
    for visit in visit_rows:
        visit.episode_id, visit.ordinal = row.pk, None
    for ordinal, visit in enumerate(done, start=1):
        visit.ordinal = ordinal
    row.visit_count = len(done)
    row.first_visit_at = done[0].starts_at if done else None
    row.last_visit_at = done[-1].starts_at if done else None
    ahead = [v.starts_at for v in shown if v.status == Visit.Status.BOOKED and v.starts_at > now]
    row.next_visit_at = min(ahead, default=None)
    row.missed_count = sum(v.status == Visit.Status.NO_SHOW for v in shown)
    row.covered_until = max(
        (
            min(v.starts_at, v.cancelled_at) if v.status == Visit.Status.CANCELLED and v.cancelled_at else v.starts_at
            for v in shown
        ),
        default=None,
    )


def _external_ids(loaded: _Loaded, plan: _Plan, patient: Patient) -> None:
    """Every id by which feeds know the person, also retired ones; kept on the survivor."""
    wanted: set[tuple[str, str, str]] = set()
    for key in plan.person.keys:
        feed, local = sources.split_key(key)
        kind, bar, value = local.partition("|") if "|" in local else local.partition("/")
        wanted.add((str(UUID(feed)), *((kind[:80], value[:120]) if bar else ("", local))))
    for record in (record for records in plan.own[PATIENT].values() for record in records):
        for authority, value, _type in record.state.get("identifiers", {}).get("v") or []:
            wanted.add((str(record.feed_id), authority[:80], value[:120]))
    loaded.changes.ids[patient.pk] = wanted
