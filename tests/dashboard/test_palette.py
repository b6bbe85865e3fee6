"""Ctrl-K on the server: what is found, for whom, what is recorded."""

from datetime import date

import pytest
from django.urls import reverse

from accounts.models import Membership, MembershipClinic
from patients.models import ExternalId
from patients.models.people import search_form
from prm.audit.models import AuditEvent
from prm.tenancy import use_practice
from tests import statements
from tests.factories.accounts import ClinicFactory, PracticeFactory, staff_client
from tests.factories.patients import EpisodeFactory, PatientFactory

pytestmark = pytest.mark.django_db


def person(first, last, **facts):
    return PatientFactory(first_name=first, last_name=last, search_name=search_form(last, first), **facts)


@pytest.fixture
def harbor():
    practice = PracticeFactory()
    with use_practice(practice.pk):
        ruth = person("Ruth", "Abara", birth_date=date(1955, 3, 3), phone="+14155550172")
        person("Marta", "Quiles", birth_date=date(1979, 1, 5), phone="+14155550174")
        ExternalId.objects.create(patient=ruth, source="feed", kind="MR", value="MRN-77")
        EpisodeFactory(patient=ruth, clinic=ClinicFactory(name="East"))
    practice.ruth = ruth
    return practice


def ask(client, practice, text="", **headers):
    return client.get(reverse("palette", args=[practice.slug]), {"q": text}, headers={"HX-Request": "true", **headers})


def groups(client, practice, text=""):
    found = ask(client, practice, text).context["groups"]
    return {name: [one.label for one in entries] for name, entries in found.items()}


@pytest.mark.parametrize("typed", ["aba", "ruth a", "bara", "(415) 555-0172", "3/3/1955", "MRN-77"])
def test_a_patient_is_found_by_name_phone_birth_date_and_id(harbor, typed):
    assert groups(staff_client(harbor), harbor, typed)["Patients"] == ["Ruth Abara"]


def test_last_names_that_start_as_typed_come_first(harbor):
    with use_practice(harbor.pk):
        person("Abara", "Zane")
        person("Ana", "Abarca")
    found = groups(staff_client(harbor), harbor, "abar")["Patients"]
    assert found == ["Ruth Abara", "Ana Abarca", "Abara Zane"]


def test_pages_are_those_that_the_reader_may_open(harbor):
    owner, front_desk = staff_client(harbor), staff_client(harbor, Membership.Role.FRONT_DESK)
    assert "Consent" in groups(owner, harbor, "consent")["Pages"]
    assert "Pages" not in groups(front_desk, harbor, "consent")
    assert groups(front_desk, harbor, "inbox")["Pages"] == ["Inbox"]
    assert groups(owner, harbor, "settings consent")["Pages"] == ["Consent"]


def test_without_a_word_the_patients_read_last_come_first(harbor):
    client = staff_client(harbor)
    assert "Seen lately" not in groups(client, harbor)
    client.get(reverse("patient", args=[harbor.slug, harbor.ruth.pk]))
    assert groups(client, harbor)["Seen lately"] == ["Ruth Abara"]
    assert "Seen lately" not in groups(staff_client(harbor), harbor)  # a colleague's reads are his own


def test_a_patient_out_of_sight_is_not_found_nor_remembered(harbor):
    client = staff_client(harbor, Membership.Role.FRONT_DESK)
    client.get(reverse("patient", args=[harbor.slug, harbor.ruth.pk]))
    with use_practice(harbor.pk):
        member = Membership.objects.get(role=Membership.Role.FRONT_DESK)
        MembershipClinic.objects.create(membership=member, clinic=ClinicFactory(name="West"))
    assert "Patients" not in groups(client, harbor, "abara")
    assert "Seen lately" not in groups(client, harbor)


def test_the_record_says_which_patients_were_shown_and_nothing_where_none_was(harbor):
    client = staff_client(harbor)
    ask(client, harbor, "abara")
    ask(client, harbor, "nobody of that name")
    with use_practice(harbor.pk):
        events = AuditEvent.objects.filter(action="palette.listed")
        assert [(event.patients, event.facts) for event in events] == [
            ([harbor.ruth.pk], {"count": 1, "searched": True})
        ]


def test_the_fragment_holds_options_and_the_page_plain_links(harbor):
    client = staff_client(harbor)
    fragment = ask(client, harbor, "abara").content.decode()
    assert 'role="option"' in fragment
    assert "<html" not in fragment
    page = client.get(reverse("palette", args=[harbor.slug]), {"q": "abara"}).content.decode()
    assert 'role="option"' not in page
    assert reverse("patient", args=[harbor.slug, harbor.ruth.pk]) in page


def test_what_a_question_asks_the_database(harbor):
    client = staff_client(harbor)
    path = reverse("palette", args=[harbor.slug])
    client.get(reverse("patient", args=[harbor.slug, harbor.ruth.pk]))
    assert len(statements.of_get(client, f"{path}?q=abara", savepoints=False)) <= 12


def test_the_sheet_lists_the_places_that_the_reader_has(harbor):
    page = reverse("keyboard", args=[harbor.slug])
    manager, therapist = staff_client(harbor, "manager"), staff_client(harbor, "therapist")
    assert [link.go for link in manager.get(page).context["places"]] == ["t", "i", "p", "c", "f", "s"]
    assert "s" not in [link.go for link in therapist.get(page).context["places"]]
