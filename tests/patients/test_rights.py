"""A patient's rights: no contact, corrections, an accounting of who was told, a copy."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from pypdf import PdfReader

from accounts.models import Practice
from messaging.models import Klass, OutboxMessage
from messaging.outbox import guard
from patients import record_copy, rights
from patients.models import Amendment, Disclosure, TimelineEntry
from prm import clock
from prm.audit.models import AuditEvent
from prm.tenancy import use_practice
from prm.ui import pdf
from prm.ui.problems import Conflict
from tests.factories.accounts import PracticeFactory, UserFactory, staff_client
from tests.factories.nps import ResponseFactory
from tests.factories.patients import EpisodeFactory, PatientFactory
from tests.security import rows

pytestmark = pytest.mark.django_db(transaction=True)
NOON = datetime(2026, 11, 24, 17, tzinfo=UTC)


@pytest.fixture
def practice() -> Practice:
    return PracticeFactory(slug="harbor")


@pytest.fixture
def patient(practice):
    with use_practice(practice.pk):
        return PatientFactory(first_name="Ruth", email="ruth@example.com")


def path(patient, page: str) -> str:
    return f"/harbor/patients/{patient.pk}/{page}"


def actions(practice: Practice) -> list[str]:
    with use_practice(practice.pk):
        return list(AuditEvent.objects.order_by("at", "id").values_list("action", flat=True))


@pytest.mark.parametrize("klass", Klass.values)
def test_whoever_asked_for_no_contact_gets_security_notices_alone(practice, patient, klass):
    client = staff_client(practice, role="front_desk")
    client.post(path(patient, "restriction/"))
    with use_practice(practice.pk):
        patient.refresh_from_db()
        message = OutboxMessage(
            patient=patient, channel="email", klass=klass, purpose="treatment", topic="surveys",
            expires_at=clock.now() + timedelta(days=1), not_before=clock.now(),
        )  # fmt: skip
        verdict = guard.decide([message], clock.now())[message.pk]
    assert ((verdict.step, verdict.facts) == (2, {"why": "do_not_contact"})) is (klass != Klass.SECURITY)


def test_stopping_contact_is_shown_recorded_and_can_be_undone(practice, patient):
    client = staff_client(practice, role="therapist")
    page = client.post(path(patient, "restriction/"), follow=True).content.decode()
    assert "Do not contact" in page
    client.post(path(patient, "restriction/undo/"))
    client.post(path(patient, "restriction/undo/"))  # a second one changes nothing and records nothing
    with use_practice(practice.pk):
        patient.refresh_from_db()
        assert patient.restricted_at is None
        kinds = list(TimelineEntry.objects.order_by("at").values_list("kind", flat=True))
    assert kinds == ["contact_stopped", "contact_allowed"]
    assert [action for action in actions(practice) if action.startswith("contact")] == [
        "contact.stopped", "contact.allowed",
    ]  # fmt: skip


@pytest.mark.parametrize("role", ["read_only"])
def test_who_only_reads_stops_no_contact(practice, patient, role):
    assert staff_client(practice, role=role).post(path(patient, "restriction/")).status_code == 403


@pytest.mark.parametrize("role", ["therapist", "front_desk", "read_only"])
def test_corrections_disclosures_and_copies_are_the_owners_and_managers(practice, patient, role):
    client = staff_client(practice, role=role)
    found = {
        client.post(path(patient, "amendments/"), {"request": "x"}).status_code,
        client.post(path(patient, "disclosures/"), {}).status_code,
        client.get(path(patient, "copy.json")).status_code,
    }
    assert found == {403}


def test_a_request_to_correct_is_kept_encrypted_and_answered_once(practice, patient):
    client = staff_client(practice)
    client.post(path(patient, "amendments/"), {"request": "My surgery was in May"})
    with use_practice(practice.pk):
        asked = Amendment.objects.get()
        assert (asked.request_text, b"surgery" in bytes(asked.request)) == ("My surgery was in May", False)
    where = f"/harbor/patients/amendments/{asked.pk}/"
    assert client.post(where, {"decision": "denied", "answer": ""}).status_code == 422
    client.post(where, {"decision": "accepted", "answer": "Changed to May 3"})
    assert client.post(where, {"decision": "denied", "answer": "No"}).status_code == 409
    with use_practice(practice.pk):
        asked.refresh_from_db()
        assert (asked.decision, asked.answer_text) == ("accepted", "Changed to May 3")
        with pytest.raises(Conflict):
            rights.decide_amendment(asked, "denied", "No", by=UserFactory(), now=clock.now())


def test_a_disclosure_needs_who_what_why_and_a_day_that_has_been(practice, patient):
    with clock.at(NOON):
        client = staff_client(practice)
        tomorrow = {"on": "2026-11-25", "recipient": "Court", "what": "Visits", "purpose": "Subpoena"}
        assert set(client.post(path(patient, "disclosures/"), tomorrow).context["disclosure_form"].errors) == {"on"}
        empty = client.post(path(patient, "disclosures/"), {})
        assert set(empty.context["disclosure_form"].errors) == {"on", "recipient", "what", "purpose"}
        client.post(path(patient, "disclosures/"), tomorrow | {"on": "2026-11-24"})
    with use_practice(practice.pk):
        (made,) = Disclosure.objects.all()
        assert (made.recipient_text, made.at) == ("Court", NOON)  # noon in New York


def test_the_accounting_covers_six_years_and_exports_made_while_one_was_a_patient(practice, patient):
    with use_practice(practice.pk), clock.at(NOON):
        type(patient).objects.filter(pk=patient.pk).update(created_at=NOON - timedelta(days=2500))
        patient.refresh_from_db()
        made = {
            days: rows.make(Disclosure, patient=whose, at=NOON - timedelta(days=days)).pk
            for days, whose in [(1, patient), (2, None), (2190, patient), (2197, patient), (2600, None)]
        }
        rows.make(Disclosure, patient=PatientFactory(), at=NOON)
        found = list(rights.disclosures(patient, now=NOON).values_list("pk", flat=True))
    assert found == [made[1], made[2], made[2190]]


def test_an_export_of_many_is_accounted_for_once_for_everybody(practice, patient, monkeypatch):
    def export(*named):
        rights.record_export(
            recipient="Court", what="CSV", purpose="Order", by=None, now=NOON, patients=[one.pk for one in named]
        )
        return list(Disclosure.objects.order_by("pk").values_list("patient", flat=True))

    monkeypatch.setattr(rights, "NAMED_APART", 2)
    with use_practice(practice.pk):
        second, third, gone = (PatientFactory() for _ in range(3))
        gone.delete()
        assert export(patient, patient, gone) == [patient.pk]
        assert export(patient, second, third) == [patient.pk, None]
        assert export() == [patient.pk, None]


def test_a_copy_holds_what_is_kept_about_this_person_and_nobody_else(practice, patient):
    with use_practice(practice.pk):
        episode = EpisodeFactory(patient=patient)
        ResponseFactory(score=3, comment_text="Waited long", invitation__episode=episode)
        ResponseFactory(score=9, comment_text="Somebody else")
        rights.ask_amendment(patient, "My name is Ruth", by=UserFactory(), now=clock.now())

    answer = staff_client(practice).get(path(patient, "copy.json"))

    copied = json.loads(answer.content)
    sections = {section["title"]: section["rows"] for section in copied["sections"]}
    assert sections["Person"][0]["E-mail"] == "ruth@example.com"
    assert [row["Comment"] for row in sections["Your answers to our surveys"]] == ["Waited long"]
    assert [row["What the patient wrote"] for row in sections["Requests to correct the record"]] == ["My name is Ruth"]
    assert "Somebody else" not in answer.content.decode()
    assert "patient.copied" in actions(practice)
    with use_practice(practice.pk):
        (told,) = Disclosure.objects.all()
    assert (told.patient_id, told.how, told.what_text) == (patient.pk, "export", "Copy of the record (JSON)")
    assert told.recipient_text.endswith(", for the patient")


@pytest.mark.skipif(bool(pdf.missing()), reason="this machine cannot make PDFs")
def test_a_copy_can_be_printed(practice, patient, tmp_path):
    with use_practice(practice.pk):
        ResponseFactory(score=3, comment_text="Waited long", invitation__episode=EpisodeFactory(patient=patient))
    made = tmp_path / "copy.pdf"
    made.write_bytes(staff_client(practice).get(path(patient, "copy.pdf")).content)
    text = " ".join(page.extract_text() for page in PdfReader(made).pages)
    assert "Ruth" in text
    assert "Waited long" in text


def test_an_unknown_form_of_copy_is_no_page(practice, patient):
    assert staff_client(practice).get(path(patient, "copy.docx")).status_code == 404


def test_a_part_of_the_copy_is_registered_once():
    with pytest.raises(ValueError, match="Person"):
        record_copy.register("Person", lambda patient, now: [], order=1)
