"""What the tables of nps refuse, and what they count."""

import pytest
from django.db import IntegrityError, transaction

from nps.models import Response, Survey
from nps.setup import ensure_survey
from prm import crypto
from prm.tenancy import use_practice
from tests.factories.accounts import PracticeFactory
from tests.factories.nps import CaseFactory, InvitationFactory, ResponseFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def practice():
    made = PracticeFactory()
    with use_practice(made.pk):
        yield made


def test_ensuring_the_survey_twice_makes_one_with_the_practices_languages(practice):
    assert ensure_survey(practice) == ensure_survey(practice)
    assert list(Survey.objects.values_list("name", "languages")) == [("Patient satisfaction", ["en", "es"])]


@pytest.mark.parametrize("score", [-1, 11])
def test_the_database_refuses_what_is_no_score(practice, score):
    with pytest.raises(IntegrityError), transaction.atomic():
        ResponseFactory(score=score, first_score=5)


def test_zero_is_an_answer_and_counts(practice):
    ResponseFactory(score=0)
    assert [(r.score, r.bucket) for r in Response.objects.counted()] == [(0, "detractor")]


def test_only_valid_answers_of_patients_to_the_standard_question_count(practice):
    kept = ResponseFactory(score=9)
    ResponseFactory(status="test")
    ResponseFactory(status="withdrawn")
    ResponseFactory(channel="staff")
    ResponseFactory(kind="resurvey")
    ResponseFactory(kind="imported")
    ResponseFactory(question_version="own-2")
    assert set(Response.objects.counted()) == {kept}


def test_one_answer_an_invitation_and_kind(practice):
    invitation = InvitationFactory()
    ResponseFactory(invitation=invitation)
    ResponseFactory(invitation=invitation, kind="resurvey")
    with pytest.raises(IntegrityError), transaction.atomic():
        ResponseFactory(invitation=invitation)


def test_one_open_case_a_patient(practice):
    case = CaseFactory()
    with pytest.raises(IntegrityError), transaction.atomic():
        CaseFactory(response=ResponseFactory(score=2, invitation__episode=case.response.episode))


def test_comments_lie_encrypted_and_only_in_their_own_row(practice):
    response = ResponseFactory(comment_text="Waited 40 minutes")
    other = ResponseFactory()
    assert b"Waited" not in bytes(response.comment)
    assert Response.objects.get(pk=response.pk).comment_text == "Waited 40 minutes"
    other.comment = response.comment
    with pytest.raises(crypto.CannotDecrypt):
        crypto.open_text(other, "comment")
