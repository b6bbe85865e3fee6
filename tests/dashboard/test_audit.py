"""The owner's page of the record: filters in the URL, words, pages, the seal, the CSV."""

import csv
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.utils.html import strip_tags

from accounts.models import Membership
from dashboard import audit_log
from patients.models import Disclosure
from prm import clock
from prm.audit import checks, seal
from prm.audit.models import AuditEvent
from prm.tenancy import use_practice
from tests import statements
from tests.factories.accounts import MembershipFactory, PracticeFactory, sign_in, staff_client
from tests.factories.patients import PatientFactory

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)


class Desk:
    """A practice with an owner who looks, a colleague who acted, two patients and another practice's events."""

    def __init__(self, client) -> None:
        self.practice, self.client = PracticeFactory(slug="harbor"), client
        with use_practice(self.practice.pk):
            self.owner = MembershipFactory(user__name="Olivia Grant").user
            self.colleague = MembershipFactory(role=Membership.Role.MANAGER, user__name="Marcus Reed").user
            self.ana = PatientFactory(first_name="Ana", last_name="Castillo")
            self.ben = PatientFactory(first_name="=Ben", last_name="Okafor")
        self.event("patient.read", self.ana, NOW - timedelta(days=2))
        self.event("work.closed", self.ben, NOW - timedelta(days=1))
        self.event("patients.listed", None, NOW - timedelta(hours=3), patients=[self.ana.pk, self.ben.pk])
        with clock.at(NOW):
            sign_in(client, self.owner)

    def event(self, action, patient, at, **fields) -> None:
        with use_practice(self.practice.pk):
            AuditEvent.objects.create(
                at=at, action=action, actor_kind="staff", actor_id=self.colleague.pk,
                patient_id=patient and patient.pk, **fields,
            )  # fmt: skip

    def get(self, query="", path="settings/audit/"):
        with clock.at(NOW):
            return self.client.get(f"/{self.practice.slug}/{path}{query}")

    def read(self) -> str:
        return " ".join(strip_tags(self.get().content.decode()).split())

    def seen(self, query="") -> list[str]:
        page = self.get(query)
        assert page.status_code == 200
        return [row.event.action for row in page.context["rows"] if not row.event.action.startswith("audit.")]


@pytest.fixture
def desk(client):
    return Desk(client)


def test_events_are_told_in_words_newest_first_with_who_and_whom(desk):
    page = desk.get()
    rows = [(row.who, row.words, str(row.patient or ""), row.others) for row in page.context["rows"]]
    assert rows == [
        ("Marcus Reed", "looked at the list of patients", "", 2),
        ("Marcus Reed", "closed a work item", "=Ben Okafor", 0),
        ("Marcus Reed", "opened the patient’s record", "Ana Castillo", 0),
    ]
    assert f'href="/harbor/patients/{desk.ana.pk}/"' in page.content.decode()


def test_each_filter_lives_in_the_url_and_a_patient_is_found_on_lists_too(desk):
    assert desk.seen(f"?person={desk.owner.pk}") == []
    assert desk.seen(f"?person={desk.colleague.pk}&what=change") == ["work.closed"]
    assert desk.seen(f"?patient={desk.ana.pk}") == ["patients.listed", "patient.read"]
    assert desk.seen("?patient=okafor") == ["patients.listed", "work.closed"]
    assert desk.seen("?begin=2026-11-23&end=2026-11-23") == ["work.closed"]
    assert desk.seen("?begin=2026-11-24") == ["patients.listed"]


def test_days_are_the_practices(desk):
    desk.event("message.read", desk.ana, datetime(2026, 11, 20, 3, tzinfo=UTC))  # the evening of the 19th in New York
    assert desk.seen("?begin=2026-11-19&end=2026-11-19") == ["message.read"]
    assert desk.seen("?begin=2026-11-20&end=2026-11-20") == []


def test_what_was_typed_wrong_is_said_and_kept(desk):
    page = desk.get("?begin=2026-11-24&end=2026-11-20")
    assert page.status_code == 422
    assert "This is before the first day." in page.content.decode()
    assert desk.get("?patient=zzz").status_code == 422
    assert desk.get("?begin=soon").status_code == 422
    assert desk.get("?person=nobody").status_code == 422


def test_a_name_of_several_patients_asks_whom(desk):
    with use_practice(desk.practice.pk):
        PatientFactory(first_name="Maria", last_name="Castillo")
    page = desk.get("?patient=Castillo")
    assert {patient.first_name for patient in page.context["choices"]} == {"Ana", "Maria"}


def test_pages_go_on_where_the_last_ended(desk):
    for minute in range(60):
        desk.event("today.read", None, NOW - timedelta(days=3, minutes=minute))
    first = desk.get("?end=2026-11-21")
    second = desk.get(f"?end=2026-11-21&after={first.context['page'].next}")
    ids = [row.event.pk for page in (first, second) for row in page.context["rows"]]
    assert (len(first.context["rows"]), len(second.context["rows"]), len(set(ids))) == (50, 10, 60)


def test_the_page_asks_as_much_for_fifty_events_as_for_three(desk):
    path = f"/{desk.practice.slug}/settings/audit/"
    with clock.at(NOW):
        desk.client.get(path)
        few = len(statements.of_get(desk.client, path))
        for minute in range(47):
            desk.event("patient.read", desk.ben, NOW - timedelta(minutes=minute))
        assert len(statements.of_get(desk.client, path)) == few
    assert few <= 12


@pytest.mark.parametrize("role", ["manager", "therapist", "front_desk", "read_only"])
def test_only_the_owner_reads_it(desk, role):
    client = staff_client(desk.practice, role)
    assert [
        client.get("/harbor/settings/audit/").status_code,
        client.get("/harbor/settings/audit/export.csv").status_code,
        client.post("/harbor/settings/audit/check/").status_code,
    ] == [403] * 3


def test_another_practices_events_are_not_shown(desk):
    other = PracticeFactory()
    with use_practice(other.pk):
        AuditEvent.objects.create(at=NOW, action="patient.read", actor_kind="system")
    assert desk.seen() == ["patients.listed", "work.closed", "patient.read"]


def test_the_csv_holds_the_filtered_rows_as_text_and_is_recorded(desk):
    answer = desk.get("?what=change", path="settings/audit/export.csv")
    rows = list(csv.reader(StringIO(answer.content.decode().removeprefix("\ufeff"), newline="")))
    assert rows[0] == list(audit_log.HEAD)
    assert [row[:7] for row in rows[1:]] == [
        ["2026-11-23T15:00:00+00:00", "Marcus Reed", "Staff", "closed a work item", "work.closed", "'=Ben Okafor",
         str(desk.ben.pk)],
    ]  # fmt: skip
    assert answer["Content-Disposition"] == 'attachment; filename="audit-harbor-2026-11-24.csv"'
    with use_practice(desk.practice.pk):
        event = AuditEvent.objects.get(action="audit.exported")
    assert (event.actor_id, event.patients, event.facts) == (desk.owner.pk, [desk.ben.pk], {"rows": 1})


def test_too_many_rows_for_a_file_are_not_cut_short(desk, monkeypatch):
    monkeypatch.setattr(audit_log, "MOST_EXPORTED", 2)
    answer = desk.get(path="settings/audit/export.csv")
    assert (answer.status_code, answer["Location"]) == (302, "/harbor/settings/audit/?")
    assert "More than 2 events" in desk.get().content.decode()


def test_the_page_tells_how_far_the_record_is_sealed_and_what_a_check_found(desk, monkeypatch):
    assert "The first day is sealed an hour after it ends" in desk.read()
    with use_practice(desk.practice.pk):
        seal.seal_through(now=NOW)
    assert "Sealed through Mon, Nov 23." in desk.read()

    with clock.at(NOW):
        assert desk.client.post("/harbor/settings/audit/check/").status_code == 302
    assert "Checking" in desk.read()
    with use_practice(desk.practice.pk):
        checks.go_on(now=NOW)
    page = desk.read()
    assert "Unchanged" in page
    assert "2 days, 2 events" in page

    monkeypatch.setattr(seal, "_mac", lambda row: "0" * 64)
    with use_practice(desk.practice.pk):
        checks.begin(now=NOW + timedelta(minutes=1))
        checks.go_on(now=NOW + timedelta(minutes=1))
    page = desk.read()
    assert "The record differs from its seal" in page
    assert "the seal itself was changed" in page


@pytest.mark.parametrize(("query", "named"), [("?what=change", {"ben"}), ("", {"ana", "ben"})])
def test_the_export_is_accounted_for_to_each_patient_in_it(desk, query, named):
    with use_practice(desk.practice.pk):
        PatientFactory(first_name="Nobody")
    desk.get(query, path="settings/audit/export.csv")
    with use_practice(desk.practice.pk):
        told = [(one.patient_id, one.recipient_text, one.by_id, one.how, one.at) for one in Disclosure.objects.all()]
    who = f"{desk.owner.name} ({desk.owner.email})"
    assert set(told) == {(getattr(desk, name).pk, who, desk.owner.pk, "export", NOW) for name in named}
    assert len(told) == len(named)
