"""What truly happens in a demo practice: lives of patients drawn from a seed, with known drop-out hazards.

Pure: a seed and a date go in, lives come out. `load.py` turns them into messages and plays them.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from prm.clock import local_moment
from prm.dev.demo.names import AREA_CODES, FAMILY, GIVEN_FEMALE, GIVEN_MALE, STREETS

# Chance to leave care after the k-th completed visit; 18 % are gone by visit 3, about seven in ten before the end.
DROPOUT_HAZARDS = {1: 0.07, 2: 0.06, 3: 0.06}
LATER_HAZARD = 0.125
NO_SHOW, CANCELLED = 0.06, 0.09
DIAGNOSES = (
    ("M54.50", 8), ("M25.561", 7), ("M25.511", 6), ("Z96.651", 4), ("M54.2", 5), ("S93.401A", 3), ("M75.101", 3),
    ("M17.11", 4), ("R26.89", 2), ("M25.551", 4), ("M77.11", 2), ("N39.46", 1),
)  # fmt: skip
DROP_REASONS = (("patient_choice", 3), ("non_attendance", 4), ("cost", 1), ("", 6))  # empty: the EMR never says
END_REASONS = (("goals_met", 6), ("plateau", 1), ("", 2))


@dataclass(frozen=True)
class Place:
    """A clinic as the EMR knows it, its zone and how well it is liked (points added to a score's mean)."""

    code: str
    name: str
    zone: str
    phone: str
    address: str
    liked: float = 0.0
    therapists: tuple[str, ...] = ()  # "code^Family^Given^credential"


@dataclass
class PlannedVisit:
    """One appointment and what became of it: completed, no_show, cancelled or booked (still ahead)."""

    number: str
    booked_at: datetime
    starts_at: datetime
    outcome: str
    known_at: datetime
    evaluation: bool = False


@dataclass
class Care:
    """One episode of care of a life; `ended_at` and `reason` where the EMR closes it."""

    case: str
    place: Place
    therapist: str
    diagnosis: str
    planned: int
    referred_at: datetime
    visits: list[PlannedVisit] = field(default_factory=list)
    ended_at: datetime | None = None
    reason: str = ""
    completed: bool = False
    leaning: float = 0.0  # how this person would score, before chance


@dataclass
class Life:
    """A patient of the demo and all his episodes."""

    mrn: str
    given: str
    family: str
    sex: str
    born: date
    language: str
    email: str
    phone: str
    street: str
    cares: list[Care] = field(default_factory=list)


def pick(rng: Random, weighted: tuple[tuple[str, int], ...]) -> str:
    """One of the texts, by weight."""
    return rng.choices([text for text, _ in weighted], [weight for _, weight in weighted])[0]


def lives(rng: Random, places: tuple[Place, ...], *, count: int, months: int, as_of: datetime) -> list[Life]:
    """`count` lives whose episodes began in the last `months` before `as_of` (aware)."""
    return [_life(rng, places, index, months=months, as_of=as_of) for index in range(count)]


def _life(rng: Random, places: tuple[Place, ...], index: int, *, months: int, as_of: datetime) -> Life:
    female = rng.random() < 0.56
    given = rng.choice(GIVEN_FEMALE if female else GIVEN_MALE)
    family = rng.choice(FAMILY)
    home = rng.choice(places)
    age = min(92, max(9, int(rng.gauss(54, 18))))
    life = Life(
        mrn=f"{700000 + index}",
        given=given,
        family=family,
        sex="F" if female else "M",
        born=(as_of - timedelta(days=age * 365 + rng.randrange(365))).date(),
        language="es" if rng.random() < 0.09 else "en",
        email=f"{given}.{family}{index}@example.com".lower() if rng.random() < 0.88 else "",
        phone=f"{rng.choice(AREA_CODES[home.zone])}55501{rng.randrange(100):02d}",
        street=f"{rng.randrange(1, 400)} {rng.choice(STREETS)} St",
    )
    first = as_of - timedelta(days=rng.randrange(5, months * 30))
    begin: datetime | None = first
    while begin is not None and len(life.cares) < 4:
        life.cares.append(_care(rng, home, life.mrn, len(life.cares), begin, as_of))
        over = life.cares[-1].ended_at
        again = over + timedelta(days=rng.randrange(120, 500)) if over and rng.random() < 0.62 else None
        begin = again if again and again < as_of - timedelta(days=10) else None
    return life


def _care(rng: Random, place: Place, mrn: str, nth: int, begin: datetime, as_of: datetime) -> Care:
    care = Care(
        case=f"C{mrn}{nth}",
        place=place,
        therapist=rng.choice(place.therapists),
        diagnosis=pick(rng, DIAGNOSES),
        planned=rng.choice((6, 8, 8, 10, 10, 12, 12, 14)),
        referred_at=begin,
        leaning=rng.gauss(9.9 + place.liked, 1.5),
    )
    day, kept, slot = begin.date() + timedelta(days=rng.randrange(2, 7)), 0, 0
    while kept < care.planned:
        visit = _visit(rng, care, slot, day, as_of)
        if visit.booked_at > as_of:
            return care
        care.visits.append(visit)
        slot += 1
        if visit.outcome == "booked":
            return care
        if visit.outcome == "completed":
            kept += 1
            if kept < care.planned and rng.random() < DROPOUT_HAZARDS.get(kept, LATER_HAZARD):
                _end(rng, care, visit.starts_at + timedelta(days=rng.randrange(10, 30)), as_of, dropped=True)
                return care
        day = visit.starts_at.astimezone(ZoneInfo(place.zone)).date() + timedelta(days=rng.choice((2, 3, 4, 5, 7)))
    _end(rng, care, care.visits[-1].starts_at + timedelta(hours=2), as_of, dropped=False)
    return care


def _visit(rng: Random, care: Care, slot: int, day: date, as_of: datetime) -> PlannedVisit:
    while day.weekday() > 4:
        day += timedelta(days=1)
    starts = local_moment(day, time(rng.randrange(8, 17), rng.choice((0, 15, 30, 45))), ZoneInfo(care.place.zone))
    booked = max(care.referred_at, starts - timedelta(days=rng.randrange(2, 9)))
    draw = rng.random()
    outcome = "no_show" if draw < NO_SHOW else "cancelled" if draw < NO_SHOW + CANCELLED else "completed"
    known = starts + timedelta(minutes=50)
    if outcome == "cancelled":
        known = max(booked + timedelta(minutes=5), starts - timedelta(hours=rng.randrange(1, 48)))
    if known > as_of:
        outcome, known = "booked", booked
    return PlannedVisit(f"{care.case}-{slot + 1}", booked, starts, outcome, known, evaluation=slot == 0)


def _end(rng: Random, care: Care, at: datetime, as_of: datetime, *, dropped: bool) -> None:
    reason = pick(rng, DROP_REASONS if dropped else END_REASONS)
    care.completed = not dropped
    if at <= as_of and (reason or not dropped):
        care.ended_at, care.reason = at, reason


def score_for(rng: Random, care: Care) -> int:
    """What this person answers, 0 to 10."""
    return min(10, max(0, round(care.leaning + rng.gauss(0, 0.9) - (0 if care.completed else 0.7))))


def midnight(day: date) -> datetime:
    """The start of a day in UTC: the step of the player."""
    return datetime.combine(day, time(0), tzinfo=UTC)
