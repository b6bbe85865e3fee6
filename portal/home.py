"""What the patient's own page says today: the next visit, how far the plan is, what waits, whom to call."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from babel import dates
from django.utils import timezone
from django.utils.translation import get_language

from accounts.models import Clinic, Practice
from nps import answer
from patients.models import Episode, Patient, Visit
from portal import clinics
from prm.ui import rail, words

MORNING_ENDS, AFTERNOON_ENDS = 12, 18  # o'clock


@dataclass(frozen=True, slots=True)
class NextVisit:
    """The visit that comes next, in its clinic's own time; `zone` names it where the patient lives in another one."""

    when: str
    zone: str
    therapist: str
    clinic: clinics.Card | None


@dataclass(frozen=True, slots=True)
class Plan:
    """How far the plan of care is; the patient's own rail never shows misses (ui.md §1)."""

    rail: rail.Rail
    done: int
    planned: int | None


@dataclass(frozen=True, slots=True)
class Home:
    """`care`: `active`, `planned`, `lapsed`, `discharged` or empty (no episode); `ended`: the day of the discharge."""

    part_of_day: str
    care: str
    ended: datetime | None
    visit: NextVisit | None
    plan: Plan | None
    survey_waits: bool
    phone: str
    clinic: str


def home_of(patient: Patient, practice: Practice, *, now: datetime) -> Home:
    """The page of one patient at `now` (aware), in the active language. Three statements."""
    episodes = list(
        Episode.objects.shown().filter(patient=patient).select_related("clinic").order_by("-opened_at", "-pk")
    )
    visits = list(
        Visit.objects.shown().filter(patient=patient).select_related("clinic", "therapist").order_by("starts_at")
    )
    coming = next((v for v in visits if v.status == Visit.Status.BOOKED and v.starts_at > now), None)
    episode = _episode(episodes, coming)
    clinic = (coming.clinic if coming else None) or (episode.clinic if episode else None) or patient.home_clinic
    in_care = episode is not None and episode.status in {Episode.Status.ACTIVE, Episode.Status.PLANNED}
    return Home(
        part_of_day=part_of_day(now, patient, clinic, practice),
        care=episode.status if episode else "",
        ended=episode.discharged_at if episode else None,
        visit=_next_visit(coming, patient, practice) if coming else None,
        plan=_plan(episode, visits) if episode is not None and in_care else None,
        survey_waits=answer.waiting(patient, now=now) is not None,
        phone=(clinic.phone if clinic else "") or practice.phone,
        clinic=clinic.display_name if clinic and clinic.named else practice.name,
    )


def part_of_day(now: datetime, patient: Patient, clinic: Clinic | None, practice: Practice) -> str:
    """`morning`, `afternoon` or `evening` where the patient is."""
    hour = now.astimezone(patient.zone(clinic.zone if clinic else practice.zone)).hour
    return "morning" if hour < MORNING_ENDS else "afternoon" if hour < AFTERNOON_ENDS else "evening"


def _episode(episodes: Sequence[Episode], coming: Visit | None) -> Episode | None:
    """The one that the page is about: that of the next visit, else one in care, else the newest."""
    of_visit = [one for one in episodes if coming is not None and one.pk == coming.episode_id]
    in_care = [one for one in episodes if one.status == Episode.Status.ACTIVE]
    return next(iter([*of_visit, *in_care, *episodes]), None)


def _next_visit(visit: Visit, patient: Patient, practice: Practice) -> NextVisit:
    zone = visit.clinic.zone if visit.clinic else practice.zone
    with timezone.override(zone):
        when = words.near_day(visit.starts_at) if visit.day_precision else words.near_moment(visit.starts_at)
    elsewhere = patient.zone(zone) != zone and not visit.day_precision
    clinic = visit.clinic if visit.clinic and visit.clinic.named else None
    return NextVisit(
        when=when,
        zone=dates.get_timezone_name(zone, width="long", zone_variant="generic", locale=_locale()) if elsewhere else "",
        therapist=visit.therapist.first_name if visit.therapist and visit.therapist.named else "",
        clinic=clinics.card(clinic, practice) if clinic else None,
    )


def _plan(episode: Episode, visits: Sequence[Visit]) -> Plan | None:
    """The rail of the episode; None while there is nothing to draw."""
    statuses = [visit.status for visit in visits if visit.episode_id == episode.pk]
    drawn = rail.marks(episode.planned_visits, statuses, for_patient=True)
    if not drawn.marks:
        return None
    done = sum(rail.MARK_OF_STATUS[status] == rail.ATTENDED for status in statuses)
    return Plan(drawn, done, episode.planned_visits)


def _locale() -> str:
    return "es_US" if (get_language() or "en").startswith("es") else "en_US"
