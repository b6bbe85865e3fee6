"""The two demo practices: what they are called, where they are, how many people they see."""

from dataclasses import dataclass

from prm.dev.demo.truth import Place

_HOURS = {day: [["08:00", "12:00"], ["13:00", "17:30"]] for day in ("Mon", "Tue", "Wed", "Thu", "Fri")}


@dataclass(frozen=True)
class DemoPractice:
    """One demo practice. `patients`: how many lives; `months`: how far back the history reaches."""

    slug: str
    name: str
    zone: str
    colour: str
    icon: str
    phone: str
    postal_address: str
    places: tuple[Place, ...]
    patients: int
    months: int
    hours: dict[str, list[list[str]]]
    answers: float  # share of those asked who answer
    waiting_days: int  # recovery cases younger than this are left for whoever looks at the inbox


DEMO = DemoPractice(
    slug="demo",
    name="Harbor Physical Therapy",
    zone="America/Los_Angeles",
    colour="#195949",
    icon="anchor",
    phone="+14155550100",
    postal_address="12 Quay Street, Oakland, CA 94607",
    places=(
        Place(
            "HARBOR", "Harbor", "America/Los_Angeles", "+14155550101", "12 Quay Street, Oakland, CA 94607", 0.1,
            ("1001^Nair^Priya^^^^PT", "1002^Brandt^Tom^^^^PT", "1003^Reyes^Elena^^^^PT"),
        ),
        Place(
            "EAST", "Eastside", "America/Los_Angeles", "+15105550102", "408 Foundry Street, Oakland, CA 94601", -0.6,
            ("1004^Olsen^Kirsten^^^^PT", "1005^Rahman^Idris^^^^PT", "1006^Vance^Gloria^^^^PTA"),
        ),
        Place(
            "NORTH", "North Point", "America/Denver", "+13035550103", "77 Granary Road, Boulder, CO 80302", 0.3,
            ("1007^Solano^Rafael^^^^PT", "1008^Tanaka^Mei^^^^PT", "1009^Dunne^Otis^^^^PT"),
        ),
    ),
    patients=2400,
    months=24,
    hours=_HOURS,
    answers=0.47,
    waiting_days=8,
)  # fmt: skip
SECOND = DemoPractice(
    slug="second",
    name="Prairie Rehab",
    zone="America/Chicago",
    colour="#4f4695",
    icon="wheat",
    phone="+13125550150",
    postal_address="9 Elm Street, Naperville, IL 60540",
    places=(
        Place(
            "PRAIRIE", "Prairie Rehab", "America/Chicago", "+13125550150", "9 Elm Street, Naperville, IL 60540", -1.1,
            ("2001^Kowal^Irena^^^^PT", "2002^Ingram^Caleb^^^^PT"),
        ),
    ),
    patients=60,
    months=4,
    hours=_HOURS,
    answers=0.75,
    waiting_days=21,
)  # fmt: skip
BY_SLUG = {practice.slug: practice for practice in (SECOND, DEMO)}
