"""The patients list and one patient's page: finding, what is shown to whom, the audit, the wall."""

from datetime import date, timedelta

import pytest

from accounts.models import Membership
from accounts.scope import WHOLE
from nps import answer
from patients import consent, search
from patients.models import ExternalId, Patient
from patients.models.people import search_form
from prm import clock
from prm.audit.models import AuditEvent
from prm.tenancy import use_practice
from tests import statements
from tests.factories.accounts import PracticeFactory, staff_client
from tests.factories.nps import InvitationFactory
from tests.factories.patients import EpisodeFactory, PatientFactory, VisitFactory

pytestmark = pytest.mark.django_db


def person(first, last, **facts):
    return PatientFactory(first_name=first, last_name=last, search_name=search_form(last, first), **facts)


@pytest.fixture
def practice():
    made = PracticeFactory()
    with use_practice(made.pk):
        person("Ruth", "Abara", birth_date=date(1955, 3, 3), phone="+14155550172")
        person("José", "Núñez Ortega", birth_date=date(1971, 12, 24), phone="+14155550173")
        quiles = person("Marta", "Quiles", birth_date=date(1979, 1, 5), phone="+14155550174")
        ExternalId.objects.create(patient=quiles, source="feed", kind="MR", value="MRN-77")
        person("Merged", "Away", merged_into=Patient.objects.first())
        person("Archived", "Gone", archived_at=clock.now())
    return made


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("aba", {"Abara"}),
        ("ABARA, ruth", {"Abara"}),
        ("ruth abara", {"Abara"}),
        ("Ruth A", {"Abara"}),
        ("nunez", {"Núñez Ortega"}),
        ("jose nunez o", {"Núñez Ortega"}),
        ("quiles m", {"Quiles"}),
        ("bara", {"Abara"}),
        ("uth bar", {"Abara"}),
        ("ruth b", set()),
        ("MRN-77", {"Quiles"}),
        ("mrn-77", {"Quiles"}),
        ("MRN-7", set()),
        ("%", set()),
        ("_baraa", set()),
        ("415 555 0173", {"Núñez Ortega"}),
        ("(415) 555-0174", {"Quiles"}),
        ("+1 415 555 0172", {"Abara"}),
        ("415 555", set()),
        ("3/3/1955", {"Abara"}),
        ("1971-12-24", {"Núñez Ortega"}),
        ("Jan 5, 1979", {"Quiles"}),
        ("", {"Abara", "Núñez Ortega", "Quiles"}),
        ("away", set()),
        ("gone", set()),
    ],
)
def test_finding_by_name_phone_birth_date_or_id(practice, typed, found):
    with use_practice(practice.pk):
        assert {p.last_name for p in search.listed(search.EVERYONE, typed, WHOLE)} == found


def test_views_hold_who_is_active_and_who_has_nothing_booked(
    practice,
):
    with use_practice(practice.pk):
        now = clock.now()
        booked, slipping, discharged = (Patient.objects.get(last_name=n) for n in ("Abara", "Núñez Ortega", "Quiles"))
        EpisodeFactory(patient=booked, last_visit_at=now, next_visit_at=now + timedelta(days=1))
        EpisodeFactory(patient=slipping, last_visit_at=now)
        EpisodeFactory(patient=discharged, status="discharged", discharged_at=now, last_visit_at=now)
    client = staff_client(practice)

    def shown(query):
        return {p.last_name for p in client.get(f"/{practice.slug}/patients/?{query}").context["page"].rows}

    assert shown("view=active") == {"Abara", "Núñez Ortega"}
    assert shown("view=nothing-booked") == {"Núñez Ortega"}
    assert shown("view=everyone") == {"Abara", "Núñez Ortega", "Quiles"}
    assert shown("view=nonsense") == shown("view=active")


def test_pages_of_fifty_by_name_hold_everybody_once(practice):
    with use_practice(practice.pk):
        for n in range(60):
            person("Al", f"Same{n % 3}")
    client, seen, query = staff_client(practice), [], "view=everyone"
    for _page in range(3):
        page = client.get(f"/{practice.slug}/patients/?{query}").context["page"]
        seen += [p.pk for p in page.rows]
        query = f"view=everyone&after={page.next}"
        if not page.next:
            break
    assert (len(seen), len(set(seen))) == (63, 63)


def test_nobody_found_says_so_and_how_to_search(practice):
    page = staff_client(practice).get(f"/{practice.slug}/patients/?q=<b>zz").content.decode()
    assert "Nobody found for “&lt;b&gt;zz”" in page


def test_the_page_tells_who_it_is_how_it_goes_and_what_happened(practice):
    with use_practice(practice.pk):
        ruth = Patient.objects.get(last_name="Abara")
        episode = EpisodeFactory(patient=ruth, planned_visits=12, visit_count=1)
        VisitFactory(episode=episode, starts_at=clock.now() - timedelta(days=3))
        VisitFactory(episode=episode, starts_at=clock.now() + timedelta(days=3), status="booked")
        consent.state(ruth, "email", "care", granted=True, how="staff", now=clock.now(), evidence="spoken")
        answer.answer(InvitationFactory(episode=episode), 10, now=clock.now())
    client, base = staff_client(practice), f"/{practice.slug}/patients/{ruth.pk}/"
    page = client.get(base).content.decode()
    for said in ("Ruth Abara", "(415) 555-0172", "1 of 12 visits", "Would recommend: 10 of 10"):
        assert said in page
    assert "Treatment" in client.get(f"{base}episodes/").content.decode()
    assert "spoken" in client.get(f"{base}consents/").content.decode()
    with use_practice(practice.pk):
        events = list(AuditEvent.objects.values_list("action", "patient_id"))
    assert events == [("patient.read", ruth.pk)] * 3


@pytest.mark.parametrize(
    ("role", "sees"),
    [("owner", True), ("manager", True), ("therapist", False), ("front_desk", False), ("read_only", False)],
)
def test_only_owner_and_manager_see_what_a_named_patient_answered(practice, role, sees):
    with use_practice(practice.pk):
        ruth = Patient.objects.get(last_name="Abara")
        answer.answer(InvitationFactory(episode=EpisodeFactory(patient=ruth)), 3, now=clock.now())
    client = staff_client(practice, role)
    for path in ("patients/?q=abara", f"patients/{ruth.pk}/", f"patients/{ruth.pk}/?show=feedback"):
        page = client.get(f"/{practice.slug}/{path}").content.decode()
        assert ('data-bucket="detractor"' in page) is sees, path
        assert ("3 of 10" in page or "after a 3" in page) is (sees and "patients/?q" not in path), path


def test_the_timeline_goes_on_in_pages_and_by_group(practice):
    with use_practice(practice.pk):
        ruth = Patient.objects.get(last_name="Abara")
        episode = EpisodeFactory(patient=ruth)
        invitation = InvitationFactory(episode=episode)
        for n in range(40):
            answer.answer(invitation, 9 + n % 2, now=clock.now() - timedelta(hours=n))
    client, base = staff_client(practice), f"/{practice.slug}/patients/{ruth.pk}/"
    first = client.get(base).context["page"]
    second = client.get(f"{base}?after={first.next}").context["page"]
    assert (len(first.rows), len(second.rows)) == (30, 10)
    assert {e.pk for e in first.rows} & {e.pk for e in second.rows} == set()
    assert client.get(f"{base}?show=visits").context["page"].rows == []


def test_a_merged_record_leads_to_the_survivor(practice):
    with use_practice(practice.pk):
        merged = Patient.objects.get(first_name="Merged")
    answer_ = staff_client(practice).get(f"/{practice.slug}/patients/{merged.pk}/")
    assert answer_["Location"] == f"/{practice.slug}/patients/{merged.merged_into_id}/"


def test_another_practices_patient_is_the_404_of_a_missing_one(practice):
    other = PracticeFactory()
    with use_practice(other.pk):
        stranger = PatientFactory()
    client = staff_client(practice, Membership.Role.OWNER)
    answers = [
        client.get(f"/{practice.slug}/patients/{pk}/{tab}")
        for pk in (stranger.pk, other.pk)
        for tab in ("", "episodes/", "consents/")
    ]
    assert {a.status_code for a in answers} == {404}


def test_statements_do_not_grow_with_the_rows(practice):
    client = staff_client(practice)
    with use_practice(practice.pk):
        ruth = Patient.objects.get(last_name="Abara")
    paths = [f"/{practice.slug}/patients/?view=everyone", f"/{practice.slug}/patients/{ruth.pk}/"]

    def fill(many):
        with use_practice(practice.pk):
            for n in range(many):
                for patient in (person("X", f"Y{n}"), ruth):
                    VisitFactory(episode=EpisodeFactory(patient=patient))

    def count():
        return [len(statements.of_get(client, path, savepoints=False)) for path in paths]

    fill(2)
    few = count()
    fill(8)
    assert count() == few
    assert max(few) <= 12
