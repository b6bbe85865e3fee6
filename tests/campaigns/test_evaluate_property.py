"""CE2: whatever happens in whatever order, the evaluator decides as the definition does (see reference.py)."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from django.db.models import F

from accounts.models import Clinic, Membership
from campaigns import evaluate, lifecycle
from campaigns import journey as journeys
from campaigns.models import Firing, Journey, StepResult
from patients.models import Consent, Episode, Patient, Visit
from prm.tenancy import use_practice
from tests.campaigns import reference
from tests.campaigns.conftest import after, pretend_to_queue, rule_document
from tests.factories.accounts import ClinicFactory, MembershipFactory, PracticeFactory, UserFactory
from tests.factories.patients import EpisodeFactory, PatientFactory

pytestmark = pytest.mark.django_db(transaction=True)

ZONES = [
    "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Anchorage",
    "America/Detroit", "America/Phoenix", "Pacific/Honolulu",
]  # fmt: skip
DST_NIGHTS = [datetime(2026, 3, 8), datetime(2026, 11, 1), datetime(2027, 3, 14), datetime(2027, 11, 7)]  # noqa: DTZ001 -- days
STEP = {"id": "ask", "do": "survey", "channel": ["email"], "survey": "nps"}
PATIENTS, EPISODES = ["p1", "p2"], ["e1", "e2", "e3"]
OWNERS = {"e1": "p1", "e2": "p1", "e3": "p2"}

GAPS = [0, 1, 7, 30, 61, 5 * 60, 12 * 60, 24 * 60, 25 * 60, 30 * 60, 60 * 60, 73 * 60]  # minutes
DELAYS = [
    None, {"n": 0, "unit": "days"}, {"n": 1, "unit": "days", "at": "09:30"}, {"n": 3, "unit": "days"},
    {"n": 5, "unit": "hours"},
]  # fmt: skip
LATE = [0, 1, 60, 26 * 60, 60 * 60, 80 * 60, 110 * 60]  # minutes between a discharge and our learning of it


def random_document(random: Random) -> dict:
    """A rule with anything that section 3 lets it say."""
    delays = random.choices(DELAYS, k=random.choice([1, 2, 3, 3]))
    return rule_document(
        trigger=after(
            random.randint(0, 4), random.choice(["days", "days", "hours"]), random.choice(["06:00", "10:00", "21:00"])
        ),
        steps=[STEP | {"id": f"s{i}"} | ({"delay": d} if d else {}) for i, d in enumerate(delays)],
        reentry=random.choice([None, "each", "once", {"gap_days": 5}]),
        max_late_hours=random.choice([None, 1, 24, 100]),
        zone=random.choice([None, "patient"]),
        stop_on=random.sample(reference.STOP_ORDER, random.choice([0, 1, 2, 5])),
    )


def random_fact(random: Random) -> tuple:
    """Something that becomes known."""
    episode, patient = random.choice(EPISODES), random.choice(PATIENTS)
    return random.choices(
        [
            ("discharge", episode, random.choice(LATE)),
            ("correct", episode, random.choice([-3000, -90, 90, 1500])),
            ("reopen", episode),
            ("hide", episode),
            ("move", episode, random.choice(["c1", "c2", None])),
            ("zone", patient, random.choice(["", *ZONES])),
            ("clinic_zone", random.choice(["c1", "c2"]), random.choice(ZONES)),
            ("book", patient, random.choice(["booked", "completed", "cancelled"])),
            ("answer", patient),
            ("revoke", patient),
        ],
        weights=[30, 6, 12, 3, 3, 3, 3, 10, 5, 3],
    )[0]


def random_act(random: Random) -> tuple:
    """Something that a person does to the rule, or that ends a patient's life."""
    return random.choices(
        [
            ("pause",), ("resume", random.random() < 0.5), ("publish", random_document(random), random.choice([0, 7])),
            ("inactive", random.choice(PATIENTS)), ("archive",),
        ],
        weights=[8, 16, 6, 2, 1],
    )[0]  # fmt: skip


def random_log(random: Random) -> list[tuple[int, tuple]]:
    """Minutes since the entry before, and what happens: facts become known, people act, now and then a tick."""
    log = []
    for _burst in range(random.randint(10, 22)):
        log.append((random.choice(GAPS), random_act(random) if random.random() < 0.25 else random_fact(random)))
        log += [(0, random_fact(random)) for _fact in range(random.randint(0, 2))]
        if random.random() < 0.85:
            how = random.choice(["once", "once", "once", "twice", "killed early", "killed late"])
            log.append((random.choice(GAPS), ("tick", how)))
    # What waits at the end is played out, so that journeys come to their ends too.
    log.append((60, ("resume", random.random() < 0.5)))
    for _day in range(5):
        log += [(random.choice(GAPS[:6]), random_fact(random)), (20 * 60, ("tick", "once"))]
    return log


class Killed(Exception):
    """The evaluator dies here."""


class Play:
    """Plays a log against the product, in real transactions, and against the reference."""

    def __init__(self, zones: list[str], document: dict, start: datetime, live_from: datetime) -> None:
        self.practice = PracticeFactory(time_zone=zones[0])
        self.now = start
        self.world = reference.World(zones[0], {"c1": zones[1], "c2": zones[2]})
        with use_practice(self.practice.pk):
            self.by = MembershipFactory(user=UserFactory(), role=Membership.Role.OWNER)
            self.clinics = {name: ClinicFactory(time_zone=zone) for name, zone in self.world.clinics.items()}
            self.patients = {
                "p1": PatientFactory(home_clinic=None), "p2": PatientFactory(home_clinic=self.clinics["c1"]),
            }  # fmt: skip
            opened = start - timedelta(days=40)
            self.episodes = {
                name: EpisodeFactory(
                    patient=self.patients[OWNERS[name]], clinic=self.clinics["c1"] if name == "e1" else None,
                    opened_at=opened + timedelta(days=place), live_from=live_from,
                )
                for place, name in enumerate(EPISODES)
            }  # fmt: skip
            self.rule = lifecycle.create(document, by=self.by, now=start)
        self.world.ids = {name: str(episode.pk) for name, episode in self.episodes.items()}
        self.world.patients = {"p1": reference.Patient("p1"), "p2": reference.Patient("p2", home="c1")}
        self.world.episodes = {
            name: reference.Episode(
                name, OWNERS[name], "c1" if name == "e1" else None, opened + timedelta(days=place), live_from=live_from
            )
            for place, name in enumerate(EPISODES)
        }
        self.world.rules = {"r": reference.Rule("r", document)}
        self.lifecycle(lifecycle.activate, backlog_days=0)
        self.world.activate("r", self.now, 0)

    def run(self, log: list) -> None:
        for gap, (name, *values) in log:
            self.now += timedelta(minutes=gap)
            getattr(self, name)(*values)

    # Ticks

    def tick(self, how: str) -> None:
        if how.startswith("killed"):
            self.kill(late=how == "killed late")
        for _time in range(2 if how == "twice" else 1):
            with use_practice(self.practice.pk):
                assert evaluate.tick(at=self.now).complete
        self.world.tick(self.now)

    def kill(self, *, late: bool) -> None:
        """A tick that dies in the middle of its transaction: before the releases, or after them."""
        release = journeys.release_due

        def die(**arguments: object) -> object:
            if late:
                release(**arguments)
            raise Killed

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(journeys, "release_due", die)
            with pytest.raises(Killed), use_practice(self.practice.pk):
                evaluate.tick(at=self.now)

    # Facts, as ingestion writes them

    def write(self, model: type, row: object, **values: object) -> None:
        with use_practice(self.practice.pk):
            model.objects.filter(pk=row.pk).update(**values)

    def discharge(self, name: str, minutes_ago: int) -> None:
        episode = self.world.episodes[name]
        when = self.now - timedelta(minutes=minutes_ago)
        if episode.discharged_at is not None:
            return
        corrects = episode.last_discharge is not None and episode.reopened_at - episode.last_discharge <= timedelta(
            hours=72
        )
        if not corrects:
            episode.seq += 1
        episode.discharged_at = episode.last_discharge = when
        self.write(Episode, self.episodes[name], status="discharged", discharged_at=when, discharge_seq=episode.seq)

    def correct(self, name: str, minutes: int) -> None:
        episode = self.world.episodes[name]
        if episode.discharged_at is not None:
            episode.discharged_at = episode.last_discharge = episode.discharged_at + timedelta(minutes=minutes)
            self.write(Episode, self.episodes[name], discharged_at=episode.discharged_at)

    def reopen(self, name: str) -> None:
        episode = self.world.episodes[name]
        if episode.discharged_at is not None:
            episode.discharged_at, episode.reopened_at = None, self.now
            self.write(Episode, self.episodes[name], status="active", discharged_at=None, reopened_at=self.now)

    def hide(self, name: str) -> None:
        episode = self.world.episodes[name]
        episode.hidden = not episode.hidden
        self.write(Episode, self.episodes[name], hidden=episode.hidden)

    def move(self, name: str, clinic: str | None) -> None:
        self.world.episodes[name].clinic = clinic
        self.write(Episode, self.episodes[name], clinic=self.clinics[clinic] if clinic else None)

    def zone(self, name: str, zone: str) -> None:
        self.world.patients[name].zone = zone
        self.write(Patient, self.patients[name], time_zone=zone)

    def clinic_zone(self, name: str, zone: str) -> None:
        self.world.clinics[name] = zone
        self.write(Clinic, self.clinics[name], time_zone=zone)

    def inactive(self, name: str) -> None:
        self.world.patients[name].inactive = True
        self.write(Patient, self.patients[name], deceased_at=self.now)

    def book(self, name: str, status: str) -> None:
        key = f"v{len(self.world.visits)}"
        self.world.visits[key] = reference.Visit(name, self.now, self.now, status)
        with use_practice(self.practice.pk):
            Visit.objects.create(
                patient=self.patients[name], source_key=key, starts_at=self.now, booked_at=self.now, status=status
            )

    def answer(self, name: str) -> None:
        self.world.patients[name].answered_at = self.now
        self.write(Patient, self.patients[name], last_answer_at=self.now)

    def revoke(self, name: str) -> None:
        self.world.patients[name].revoked_at.append(self.now)
        with use_practice(self.practice.pk):
            Consent.objects.create(
                patient=self.patients[name], channel="sms", purpose="care", granted=False, how="staff", at=self.now
            )

    # The rule's life

    def lifecycle(self, act: object, **how: object) -> None:
        with use_practice(self.practice.pk):
            act(self.rule, by=self.by, now=self.now, **how)

    def pause(self) -> None:
        if self.world.rules["r"].state == "active":
            self.lifecycle(lifecycle.pause)
            self.world.rules["r"].state = "paused"

    def resume(self, catch_up: bool) -> None:
        if self.world.rules["r"].state == "paused":
            self.lifecycle(lifecycle.resume, catch_up=catch_up)
            self.world.resume("r", self.now, catch_up)

    def publish(self, document: dict, backlog: int) -> None:
        rule = self.world.rules["r"]
        if rule.state in {"active", "paused"} and document != rule.document:
            self.lifecycle(lifecycle.save_draft, document=document)
            self.lifecycle(lifecycle.publish, backlog_days=backlog)
            self.world.publish("r", document, self.now, backlog)

    def archive(self) -> None:
        if self.world.rules["r"].state in {"active", "paused"}:
            self.lifecycle(lifecycle.archive)
            self.world.archive("r", self.now)

    # What came of it

    def ours(self) -> dict[str, set]:
        names = {row.pk: name for name, row in (self.episodes | self.patients).items()}
        with use_practice(self.practice.pk):
            decisions = {
                ("r", names[p], names[e], int(key.rpartition(":d")[2]), due, at, number, outcome)
                for p, e, key, due, at, number, outcome in Firing.objects.values_list(
                    "patient", "episode", "occurrence", "due_at", "decided_at", "version__number", "outcome"
                )
            }
            ends = {
                (names[p], names[e], start, planned if ended is None else None, ended, reason)
                for p, e, start, planned, ended, reason in Journey.objects.values_list(
                    "patient", "episode", "started_at", "planned_at", "ended_at", "end_reason"
                )
            }
            results = {
                ("r", names[p], names[e], int(key.rpartition(":d")[2]), *rest)
                for p, e, key, *rest in StepResult.objects.annotate(
                    p=F("journey__patient"), e=F("journey__episode"), key=F("journey__occurrence")
                ).values_list("p", "e", "key", "step_id", "planned_at", "at", "verdict", "reason")
            }
        return {"decisions": decisions, "journeys": ends, "results": results}

    def theirs(self) -> dict[str, set]:
        return {
            "decisions": {(*key, *decision) for key, decision in self.world.decisions.items()},
            "journeys": {
                (j.patient, j.episode, j.start, None if j.ended else j.planned, *(j.ended or (None, "")))
                for j in self.world.journeys
            },
            "results": self.world.results,
        }


def play(seed: int) -> dict[str, set]:
    """Play the log of a seed and compare; returns what the definition says."""
    random = Random(seed)
    night = random.choice(DST_NIGHTS)
    start = night.replace(tzinfo=UTC) - timedelta(hours=random.randint(0, 24 * 8))
    live_from = start - timedelta(days=random.choice([60, 60, 60, 60, 1, -3]))
    played = Play(random.choices(ZONES, k=3), random_document(random), start, live_from)
    played.run(random_log(random))
    ours, theirs = played.ours(), played.theirs()
    apart = {what: (ours[what] - theirs[what], theirs[what] - ours[what]) for what in ours}
    assert not any(map(any, apart.values())), f"seed {seed}: {apart}"
    return theirs


def test_decisions_journeys_and_steps_equal_those_of_the_definition(survey_action):
    survey_action(pretend_to_queue)
    outcomes, ends, verdicts = Counter(), Counter(), Counter()
    for seed in range(60):
        said = play(seed)
        outcomes.update(decision[-1] for decision in said["decisions"])
        ends.update(ended[-1] for ended in said["journeys"])
        verdicts.update(result[-1] or result[-2] for result in said["results"])

    # A comparison of empty sets would prove nothing: the logs must reach every outcome, and every end and verdict.
    assert set(outcomes) == set(Firing.Outcome.values)
    assert set(Journey.End.values) - set(ends) <= {"stopped_visited"}  # most visits that are kept were booked
    assert set(verdicts) == {"send", "stale", "paused"}


@pytest.mark.drill
def test_two_thousand_logs_equal_those_of_the_definition(survey_action):
    survey_action(pretend_to_queue)
    for seed in range(1_000, 3_000):
        play(seed)
