"""Surveys, invitations, answers, recovery cases."""

from datetime import UTC, datetime, timedelta

import factory

from nps.models import ContactAttempt, RecoveryCase, Response, ReviewSite, Survey, SurveyInvitation
from prm import crypto
from tests.factories.accounts import ClinicFactory, MembershipFactory
from tests.factories.patients import EpisodeFactory

ASKED = datetime(2026, 11, 20, 15, tzinfo=UTC)


class SurveyFactory(factory.django.DjangoModelFactory):
    """The standard survey of the practice; the same one every time."""

    class Meta:
        model = Survey
        django_get_or_create = ("name",)

    name = "Patient satisfaction"
    languages = ["en", "es"]


class InvitationFactory(factory.django.DjangoModelFactory):
    """An invitation that was sent by e-mail; clinic, therapist and patient are the episode's unless said otherwise."""

    class Meta:
        model = SurveyInvitation

    survey = factory.SubFactory(SurveyFactory)
    episode = factory.SubFactory(EpisodeFactory)
    patient = factory.SelfAttribute("episode.patient")
    clinic = factory.SelfAttribute("episode.clinic")
    therapist = factory.SelfAttribute("episode.therapist")
    stage = "early"
    visit_ordinal = 2
    asked_at = ASKED
    expires_at = factory.LazyAttribute(lambda i: i.asked_at + timedelta(days=30))
    state = SurveyInvitation.State.SENT


class ResponseFactory(factory.django.DjangoModelFactory):
    """An answer, an hour after the asking; `comment_text` is encrypted into `comment`."""

    class Meta:
        model = Response

    invitation = factory.SubFactory(InvitationFactory)
    patient = factory.SelfAttribute("invitation.patient")
    episode = factory.SelfAttribute("invitation.episode")
    clinic = factory.SelfAttribute("invitation.clinic")
    therapist = factory.SelfAttribute("invitation.therapist")
    stage = factory.SelfAttribute("invitation.stage")
    visit_ordinal = factory.SelfAttribute("invitation.visit_ordinal")
    score = 10
    first_score = factory.SelfAttribute("score")
    answered_at = factory.LazyAttribute(lambda r: r.invitation.asked_at + timedelta(hours=1))
    changed_at = factory.SelfAttribute("answered_at")

    @classmethod
    def _create(cls, model_class, *args, comment_text="", **kwargs):
        response = model_class(*args, **kwargs)
        crypto.seal_text(response, "comment", comment_text)
        response.save()
        return response


class CaseFactory(factory.django.DjangoModelFactory):
    """An open recovery case of a detractor, with its row only: no work item. `recovery.open_case` makes both."""

    class Meta:
        model = RecoveryCase

    response = factory.SubFactory(ResponseFactory, score=3)
    patient = factory.SelfAttribute("response.patient")
    clinic = factory.SelfAttribute("response.clinic")
    opened_at = factory.SelfAttribute("response.answered_at")
    due_at = factory.LazyAttribute(lambda c: c.opened_at + timedelta(hours=4))


class ContactAttemptFactory(factory.django.DjangoModelFactory):
    """A call that reached the patient."""

    class Meta:
        model = ContactAttempt

    case = factory.SubFactory(CaseFactory)
    by = factory.SubFactory(MembershipFactory)
    at = factory.LazyAttribute(lambda a: a.case.opened_at + timedelta(hours=1))
    medium = "phone"
    result = "reached"


class ReviewSiteFactory(factory.django.DjangoModelFactory):
    """A clinic's page on Google."""

    class Meta:
        model = ReviewSite

    clinic = factory.SubFactory(ClinicFactory)
    kind = "google"
    url = "https://search.google.com/local/writereview?placeid=ChIJN1t_tDeuEmsRUsoyG83frY4"
