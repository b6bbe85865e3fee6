"""Whose patients a member sees (daily.md section 12): by clinic, and therapists their own where the owner says so."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.test import Client
from django.urls import reverse

from accounts import queries, scope
from accounts.models import Membership, MembershipClinic, Practice
from dashboard import inbox
from messaging.models import OutboxMessage
from nps import recovery
from nps.models import Response
from nps.reports import Scope, places
from patients import search, worklist
from patients.models import Episode, Patient, Visit
from prm import clock
from prm.ids import uuid7
from tests.factories.accounts import ClinicFactory, MembershipFactory, TherapistFactory, sign_in
from tests.factories.nps import ResponseFactory
from tests.factories.patients import EpisodeFactory, PatientFactory, VisitFactory

pytestmark = pytest.mark.django_db

Role = Membership.Role


def member(role=Role.MANAGER, *clinics, therapist=None):
    made = MembershipFactory(role=role, therapist=therapist)
    for clinic in clinics:
        MembershipClinic.objects.create(membership=made, clinic=clinic)
    return made


def names(rows):
    return {patient.last_name for patient in rows}


@pytest.fixture
def town(practice):
    """Two clinics, two therapists; one patient of each, one of both, one of nobody, one whose clinic is unknown."""
    east, west = ClinicFactory(name="East"), ClinicFactory(name="West")
    priya, omar = TherapistFactory(), TherapistFactory()
    people = {name: PatientFactory(last_name=name) for name in ("Easton", "Westby", "Both", "Nobody", "Unplaced")}
    made = SimpleNamespace(practice=practice, east=east, west=west, priya=priya, omar=omar, people=people)
    made.of_easton = EpisodeFactory(patient=people["Easton"], clinic=east, therapist=priya)
    made.of_westby = EpisodeFactory(patient=people["Westby"], clinic=west, therapist=omar)
    EpisodeFactory(patient=people["Both"], clinic=east, therapist=omar)
    EpisodeFactory(patient=people["Both"], clinic=west, therapist=priya)
    EpisodeFactory(patient=people["Unplaced"], clinic=None, therapist=None)
    return made


EVERYBODY = {"Easton", "Westby", "Both", "Nobody", "Unplaced"}


def own_only(town):
    Practice.objects.filter(pk=town.practice.pk).update(therapists_see=Practice.TherapistsSee.OWN)


def test_a_member_of_a_clinic_sees_its_patients_those_of_both_and_those_of_no_clinic(town):
    seen = {
        "all": names(Patient.objects.visible_to(member(Role.MANAGER))),
        "east": names(Patient.objects.visible_to(member(Role.MANAGER, town.east))),
        "west": names(Patient.objects.visible_to(member(Role.FRONT_DESK, town.west))),
        "either": names(Patient.objects.visible_to(member(Role.READ_ONLY, town.east, town.west))),
    }
    assert seen == {
        "all": EVERYBODY,
        "east": EVERYBODY - {"Westby"},
        "west": EVERYBODY - {"Easton"},
        "either": EVERYBODY,
    }


def test_therapists_see_everybody_until_the_owner_says_their_own(town):
    priya = member(Role.THERAPIST, therapist=town.priya)
    assert names(Patient.objects.visible_to(priya)) == EVERYBODY
    own_only(town)
    fresh = Membership.objects.get(pk=priya.pk)
    assert names(Patient.objects.visible_to(fresh)) == {"Easton", "Both"}
    without_profile = member(Role.THERAPIST)
    assert names(Patient.objects.visible_to(without_profile)) == set()  # nobody is his own
    assert set(Episode.objects.visible_to(without_profile)) == set()
    assert names(Patient.objects.visible_to(member(Role.FRONT_DESK))) == EVERYBODY  # the choice is about therapists


def test_their_own_in_a_clinic_means_both_at_once(town):
    own_only(town)
    priya_in_west = member(Role.THERAPIST, town.west, therapist=town.priya)
    assert names(Patient.objects.visible_to(priya_in_west)) == {"Both"}
    assert names(e.patient for e in Episode.objects.visible_to(priya_in_west)) == {"Both"}


def test_what_a_therapist_is_given_to_do_shows_its_patient_too(town):
    own_only(town)
    omar = member(Role.THERAPIST, therapist=town.omar)
    case = recovery.open_case(ResponseFactory(score=2, invitation__episode=town.of_easton), now=clock.now())
    item = worklist.find("recovery", case.pk)
    assert "Easton" not in names(Patient.objects.visible_to(omar))
    assert item not in inbox.visible_to(omar)
    worklist.assign(item, omar, now=clock.now(), by=member(Role.OWNER))
    assert "Easton" in names(Patient.objects.visible_to(omar))
    assert item in worklist.visible_to(omar)


def test_rows_about_patients_follow_their_clinic(town):
    for episode in Episode.objects.filter(clinic__isnull=False):
        VisitFactory(episode=episode)
    VisitFactory(episode=None, patient=town.people["Westby"], clinic=None, therapist=None)
    east = member(Role.MANAGER, town.east)
    visits = [(v.patient.last_name, v.clinic and v.clinic.name) for v in Visit.objects.visible_to(east)]
    assert sorted(visits) == [("Both", "East"), ("Easton", "East")]
    assert {e.clinic and e.clinic.name for e in Episode.objects.visible_to(east)} == {"East", None}


def test_a_work_item_of_no_clinic_is_seen_with_its_patient(town):
    for name in ("Easton", "Westby"):
        response = ResponseFactory(score=1, invitation__episode__patient=town.people[name], invitation__clinic=None)
        Response.objects.filter(pk=response.pk).update(clinic=None)
        response.refresh_from_db()
        recovery.open_case(response, now=clock.now())
    Episode.objects.filter(source_key__startswith="test:", clinic__isnull=False).exclude(
        pk__in=[town.of_easton.pk, town.of_westby.pk]
    ).update(clinic=town.east)
    east, west = member(Role.MANAGER, town.east), member(Role.MANAGER, town.west)
    assert {item.patient.last_name for item in worklist.visible_to(west)} == {"Westby"}
    assert {item.patient.last_name for item in worklist.visible_to(east)} == {"Easton", "Westby"}


def test_reports_count_the_clinics_in_sight_only(town):
    for score, episode in ((10, town.of_easton), (2, town.of_westby)):
        ResponseFactory(score=score, invitation__episode=episode)
    limits = scope.of(member(Role.MANAGER, town.west))
    counted = Scope(seen=limits).of(Response.objects.counted())
    assert [answer.score for answer in counted] == [2]
    assert [answer.score for answer in Response.objects.visible_to(limits)] == [2]
    clinics, _therapists = places(Scope(seen=limits))
    assert [clinic.name for clinic in clinics] == ["West"]
    assert Scope(seen=limits).words == "your clinics"


def test_messages_to_patients_out_of_sight_are_not_in_the_log(town):
    made = {}
    for name in ("Easton", "Westby"):
        made[name] = OutboxMessage.objects.create(
            patient=town.people[name], channel="email", klass="care", purpose="treatment", topic="surveys",
            dedupe_key=name, not_before=clock.now(), expires_at=clock.now() + timedelta(days=1),
        )  # fmt: skip
    to_staff = OutboxMessage.objects.create(
        member=member(), channel="email", klass="direct", purpose="treatment", topic="messages", dedupe_key="test",
        not_before=clock.now(), expires_at=clock.now() + timedelta(days=1),
    )  # fmt: skip
    west = member(Role.FRONT_DESK, town.west)
    assert set(OutboxMessage.objects.visible_to(west)) == {made["Westby"], to_staff}


def test_the_search_keeps_to_the_scope(town):
    found = search.listed(search.EVERYONE, "eas", member(Role.MANAGER, town.west))
    assert names(found) == set()
    assert names(search.listed(search.EVERYONE, "eas", member(Role.MANAGER, town.east))) == {"Easton"}


def test_the_requests_member_brings_the_scope_without_a_further_statement(town, django_assert_num_queries):
    stored = member(Role.THERAPIST, town.east, therapist=town.priya)
    own_only(town)
    with django_assert_num_queries(1):
        read = queries.membership_of(stored.user_id)
        limits = scope.of(read)
    assert limits == scope.Scope(clinics=frozenset({town.east.pk}), own=True, therapist=town.priya.pk, member=stored.pk)


def signed_in(of_member):
    client = Client()
    sign_in(client, of_member.user)
    return client


@pytest.mark.parametrize("page", ["patient", "patient_episodes", "patient_consents"])
def test_a_patient_of_another_clinic_is_answered_as_one_that_does_not_exist(town, page):
    client = signed_in(member(Role.MANAGER, town.west))
    slug = town.practice.slug
    answers = [client.get(reverse(page, args=[slug, patient_id])) for patient_id in (town.people["Easton"].pk, uuid7())]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content == answers[1].content
    assert client.get(reverse(page, args=[slug, town.people["Both"].pk])).status_code == 200


def test_a_merged_record_leads_nobody_to_a_survivor_out_of_his_sight(town):
    merged = PatientFactory(last_name="Easton-Lee", merged_into=town.people["Easton"])
    path = reverse("patient", args=[town.practice.slug, merged.pk])
    assert signed_in(member(Role.MANAGER, town.west)).get(path).status_code == 404
    assert signed_in(member(Role.MANAGER, town.east)).get(path).status_code == 302


def test_what_shows_the_whole_practice_is_closed_to_a_manager_of_one_clinic(town):
    path = reverse("feeds", args=[town.practice.slug])
    refused = signed_in(member(Role.MANAGER, town.west)).get(path)
    assert refused.status_code == 403
    assert "only who works in all clinics" in refused.content.decode()
    assert signed_in(member(Role.MANAGER)).get(path).status_code == 200


@pytest.mark.parametrize("page", ["today", "inbox", "patients", "palette", "campaigns"])
@pytest.mark.parametrize("sees", ["clinic", "own", "nobody"])
def test_pages_open_for_who_sees_only_some(town, page, sees):
    VisitFactory(episode=town.of_easton, status="booked", starts_at=clock.now())
    if sees == "clinic":
        reader = member(Role.THERAPIST, town.west, therapist=town.priya)
    else:
        own_only(town)
        reader = member(Role.THERAPIST, therapist=town.priya if sees == "own" else None)
    answer = signed_in(reader).get(reverse(page, args=[town.practice.slug]))
    assert answer.status_code == 200
    assert "Westby" not in answer.content.decode() or sees == "clinic"
