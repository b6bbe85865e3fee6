"""Putting the sample patients into a practice: a feed of their own, its messages through ingestion, their answers."""

from datetime import datetime, timedelta

from django.db import connection

from accounts.models import Clinic, Practice
from dashboard.sample import messages
from dashboard.sample.people import MARK, PEOPLE, Person
from integrations import play, staffing
from integrations.facts import CLINIC, entity_key
from integrations.models import Feed
from nps import answer, ask
from nps.models import SurveyInvitation
from nps.setup import ensure_survey
from patients.access import SURVEY_LASTS
from patients.models import Episode, Patient

FEED = f"Sample data {MARK}"
THOUGHT_FOR = timedelta(hours=5)  # from the asking to the answer


class AlreadyLoaded(Exception):
    """The sample patients are here."""


class NoClinic(Exception):
    """There is no clinic that they could come to."""


def loaded() -> int:
    """How many sample patients are in the open practice."""
    return Patient.objects.filter(is_sample=True).count()


def load(practice: Practice, *, now: datetime) -> int:
    """Bring in the sample patients as of `now` (aware); returns how many. In the open practice, in one transaction.

    Their feed is never live, so no rule decides about them; the guard stops whatever is addressed to them by hand.
    AlreadyLoaded, NoClinic.
    """
    wait_for_turn(practice)
    if Feed.objects.filter(is_sample=True).exists():
        raise AlreadyLoaded
    clinic = Clinic.objects.filter(named=True, closed_at=None).order_by("pk").first()
    if clinic is None:
        raise NoClinic
    feed = Feed.objects.create(
        name=FEED, kind=Feed.Kind.HL7V2, preset="generic", time_zone=clinic.time_zone, is_sample=True,
        settings={"episode_key": messages.EPISODE_KEY, "planned_visits": messages.PLANNED_FIELD}, priority=99,
    )  # fmt: skip
    staffing.bind(feed, CLINIC, entity_key("L", messages.CLINIC_CODE), clinic)
    play.ingest_bytes(practice, feed, messages.messages(now=now, zone=clinic.zone), now=now)
    by_email = {
        episode.patient.email: episode
        for episode in Episode.objects.filter(patient__is_sample=True).select_related("patient", "clinic", "therapist")
    }
    for person in PEOPLE:
        if person.answer:
            _answer(practice, by_email[person.email], person, now=now)
    return len(PEOPLE)


def _answer(practice: Practice, episode: Episode, person: Person, *, now: datetime) -> None:
    """The person was asked and has answered; the mail that would have asked is left out."""
    days, score, comment = person.answer  # the caller has looked
    at = now - timedelta(days=days)
    asked_at = at - THOUGHT_FOR
    invitation = SurveyInvitation.objects.create(
        survey=ensure_survey(practice), patient=episode.patient, episode=episode, clinic=episode.clinic,
        therapist=episode.therapist, stage=ask.stage_of(episode, now=at), visit_ordinal=episode.visit_count,
        language=person.language, asked_at=asked_at, expires_at=asked_at + SURVEY_LASTS,
        state=SurveyInvitation.State.SENT,
    )  # fmt: skip
    response = answer.answer(invitation, score, now=at, comment=comment, language=person.language)
    if response.case_id:
        answer.allow_contact(response, "call", now=at)


def wait_for_turn(practice: Practice) -> None:
    """One loading or removal of a practice at a time, until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 2))", [f"sample data {practice.pk}"])
