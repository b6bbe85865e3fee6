"""The HL7 v2 messages that an EMR would have sent about the sample patients."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from dashboard.sample.people import MARK, PEOPLE, THERAPISTS, Person
from prm import clock

CLINIC_CODE = "SAMPLE"
EPISODE_KEY, PLANNED_FIELD = "PID-18", "ZPC-1"  # settings of the sample feed
EVALUATION_CPT, TREATMENT_CPT = "97161", "97110"
SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit of the plan; `outcome` is booked where it is still to come."""

    number: int
    starts_at: datetime
    outcome: str


def messages(*, now: datetime, zone: ZoneInfo) -> list[bytes]:
    """All of them, in the order in which they would have come, as of `now` (aware), at `zone`'s wall times."""
    sent = [message for number, person in enumerate(PEOPLE, start=1) for message in _of(number, person, now, zone)]
    return [raw for _at, raw in sorted(sent, key=lambda message: message[0])]


def visits(person: Person, *, now: datetime, zone: ZoneInfo) -> list[Visit]:
    """The visits of a person's plan; none falls on a weekend."""
    found = []
    today = now.astimezone(zone).date()
    for number in range(person.planned if person.stops_after is None else person.stops_after):
        day = today - timedelta(days=person.opened - number * person.step)
        day += timedelta(days=max(0, 7 - day.weekday()) if day.weekday() >= SATURDAY else 0)
        starts_at = clock.local_moment(day, time(9 + (number + person.opened) % 8), zone)
        outcome = (
            "booked" if starts_at + timedelta(hours=1) > now
            else "no_show" if number in person.no_shows
            else "cancelled" if number in person.cancelled
            else "completed"
        )  # fmt: skip
        found.append(Visit(number, starts_at, outcome))
    return found


def discharged_at(person: Person, *, now: datetime, zone: ZoneInfo) -> datetime | None:
    """After the last visit of a plan that is done; None while one is to come, and for who stopped coming."""
    plan = visits(person, now=now, zone=zone)
    if person.stops_after is not None or any(visit.outcome == "booked" for visit in plan):
        return None
    return plan[-1].starts_at + timedelta(minutes=50)


def _of(number: int, person: Person, now: datetime, zone: ZoneInfo) -> Iterator[tuple[datetime, bytes]]:
    plan = visits(person, now=now, zone=zone)
    write = _Writer(number, person, zone)
    opened = plan[0].starts_at - timedelta(days=1)
    yield write.message(opened, "ADT^A04", write.pv1(), f"DG1|1||{person.diagnosis}^^I10", f"ZPC|{person.planned}")
    for visit in plan:
        booked = opened + timedelta(minutes=5 + visit.number)
        yield write.message(booked, "SIU^S12", *write.booking(visit, "Booked"))
        known = visit.starts_at + timedelta(minutes=45)
        if visit.outcome == "completed":
            yield write.message(known, "DFT^P03", write.pv1(visit), write.charge(visit))
        elif visit.outcome == "no_show":
            yield write.message(known, "SIU^S26", *write.booking(visit, "Noshow"))
        elif visit.outcome == "cancelled":
            before = visit.starts_at - timedelta(hours=20)
            yield write.message(before, "SIU^S15", *write.booking(visit, "Cancelled"))
    ended = discharged_at(person, now=now, zone=zone)
    if ended is not None:
        yield write.message(ended, "ADT^A03", write.pv1(ended=ended), f"DG1|1||{person.diagnosis}^^I10")


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes the messages about one person."""

    number: int
    person: Person
    zone: ZoneInfo

    def message(self, at: datetime, event: str, *segments: str) -> tuple[datetime, bytes]:
        stamp, person = self.stamp(at), self.person
        control = f"SAMPLE{self.number}{event[-3:]}{int(at.timestamp())}"
        head = f"MSH|^~\\&|SAMPLE|{CLINIC_CODE}|PRM|PRM|{stamp}||{event}|{control}|P|2.5.1|||||||UNICODE UTF-8"
        language = {"en": "en^English^ISO639", "es": "es^Spanish^ISO639"}[person.language]
        pid = (
            f"PID|1||SAMPLE-{self.number}^^^SAMPLE^MR||{person.family} {MARK}^{person.given}||{person.born}"
            f"|{person.sex}|||{person.address}||^NET^Internet^{person.email}||{language}|||{self.case}"
        )
        if event.startswith("SIU"):  # SCH stands before PID
            parts = [head, segments[0], pid, *segments[1:]]
        else:
            parts = [head, *([f"EVN|{event[-3:]}|{stamp}"] if event.startswith("ADT") else []), pid, *segments]
        return at, ("\r".join(parts) + "\r").encode()

    @property
    def case(self) -> str:
        return f"SAMPLE-CASE-{self.number}"

    def stamp(self, at: datetime) -> str:
        return at.astimezone(self.zone).strftime("%Y%m%d%H%M%S%z")

    def pv1(self, visit: Visit | None = None, *, ended: datetime | None = None) -> str:
        fields = [""] * 46
        fields[0], fields[1], fields[2], fields[3] = "PV1", "1", "O", CLINIC_CODE
        fields[7] = THERAPISTS[self.person.therapist]
        if visit is not None:
            fields[19], fields[44] = self.key(visit), self.stamp(visit.starts_at)
        if ended is not None:
            fields[36], fields[45] = "01", self.stamp(ended)
        return "|".join(fields).rstrip("|")

    def booking(self, visit: Visit, status: str) -> list[str]:
        start, key = self.stamp(visit.starts_at), self.key(visit)
        kind = "TX^Treatment" if visit.number else "EVAL^Evaluation"
        return [
            f"SCH|{key}|{key}|||||{kind}|{kind}|45|min|^^45^{start}||||||||||||||{status}",
            f"AIS|1||{kind}|{start}|||45|min",
            f"AIL|1||{CLINIC_CODE}",
            f"AIP|1||{THERAPISTS[self.person.therapist]}",
        ]

    def charge(self, visit: Visit) -> str:
        fields = [""] * 26
        fields[0], fields[1], fields[4] = "FT1", "1", self.stamp(visit.starts_at)
        fields[6], fields[20] = "CG", THERAPISTS[self.person.therapist]
        fields[25] = TREATMENT_CPT if visit.number else EVALUATION_CPT
        return "|".join(fields)

    def key(self, visit: Visit) -> str:
        return f"SAMPLE-V{self.number}-{visit.number}"
