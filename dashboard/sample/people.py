"""Who the sample patients are, and how their care went; moments are days before the day of loading."""

from collections.abc import Sequence
from dataclasses import dataclass, field

MARK = "(sample)"
THERAPISTS = ("S1^Lee (sample)^Jordan^^^^PT", "S2^Nair (sample)^Priya^^^^PT")  # XCN: id, family, given, …, degree


@dataclass(frozen=True, slots=True)
class Person:
    """One sample patient with one episode.

    `opened`: days before loading; a visit every `step` days until `planned` or `stops_after`; numbers of visits count
    from 0. `answer`: (days before loading, score, comment).
    """

    given: str
    family: str
    born: str  # YYYYMMDD
    sex: str
    diagnosis: str  # ICD-10-CM
    planned: int
    opened: int
    step: int = 4
    language: str = "en"
    no_shows: frozenset[int] = frozenset()
    cancelled: frozenset[int] = frozenset()
    stops_after: int | None = None  # nothing is booked after so many visits
    answer: tuple[float, int, str] | None = None
    therapist: int = 0
    address: str = field(default="12 Sample Street", repr=False)

    @property
    def email(self) -> str:
        """At example.com, which takes no mail (RFC 2606)."""
        return f"{self.given}.{self.family}.sample@example.com".lower()


PEOPLE: Sequence[Person] = (
    Person("Alma", "Reyes", "19580314", "F", "M17.11", 12, 58,
           answer=(8, 10, "I can climb my stairs again without holding the rail.")),
    Person("Ben", "Okafor", "19710702", "M", "M75.42", 10, 55, no_shows=frozenset({4}), therapist=1,
           answer=(13, 9, "Clear plan from day one, and we followed it.")),
    Person("Carla", "Jensen", "19850120", "F", "M54.50", 8, 50,
           answer=(16, 10, "She explains everything twice and never makes me feel slow.")),
    Person("Dev", "Patel", "19900911", "M", "M54.50", 12, 44, cancelled=frozenset({3}), therapist=1,
           answer=(20, 9, "")),
    Person("Elena", "Ruiz", "19640528", "F", "S93.401A", 9, 40, language="es",
           answer=(2, 10, "Me explicaron todo con calma y en español.")),
    Person("Frank", "Moore", "19530217", "M", "M16.11", 12, 36, stops_after=5, therapist=1,
           answer=(0.1, 4, "Waited 40 minutes twice and nobody said sorry.")),
    Person("Grace", "Liu", "19791103", "F", "M54.2", 8, 30, no_shows=frozenset({2, 4}), answer=(6, 10, "")),
    Person("Hassan", "Ali", "19870625", "M", "M17.12", 12, 24, therapist=1,
           answer=(9, 9, "The exercises fit my day. Ten minutes, and I actually do them.")),
    Person("Ivy", "Brooks", "19940408", "F", "M76.61", 10, 18, answer=(5, 10, "")),
    Person("Jack", "Turner", "19680930", "M", "M75.41", 8, 14, stops_after=2, therapist=1),
    Person("Karen", "Novak", "19611219", "F", "M25.561", 12, 8, answer=(3, 9, "Everyone at the front desk is kind.")),
    Person("Leo", "Santos", "20010805", "M", "S83.511A", 6, 2, therapist=1),
)  # fmt: skip
