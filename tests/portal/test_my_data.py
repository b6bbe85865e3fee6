"""“My data”: the patient fetches a copy of his record, and nobody else's (daily.md section 13)."""

import json
from datetime import timedelta

import pytest
from pypdf import PdfReader

from patients.models import Amendment, Consent, Disclosure, Episode, Patient, Visit
from portal.views.my_data import FRESH
from prm import clock
from prm.audit.models import AuditEvent
from prm.tenancy import use_practice
from prm.ui import catalogue, pdf
from tests.factories.nps import ResponseFactory
from tests.factories.patients import EpisodeFactory, PatientFactory
from tests.portal.conftest import BORN, NOW, page_of, words_of

pytestmark = pytest.mark.django_db
PAGE, DATA, DOCUMENT = "/portal/my-data/", "/portal/my-data/copy.json", "/portal/my-data/copy.pdf"
LATER = NOW + FRESH
CHOICES = {
    Patient: ["sex"], Episode: ["status", "discharge_reason"], Visit: ["kind", "status"],
    Consent: ["channel", "purpose", "how"], Amendment: ["decision"],
}  # fmt: skip


@pytest.fixture
def twins(door):
    """The patient, and one with the same address, number and birth date; each has answered."""
    with use_practice(door.practice.pk):
        twin = PatientFactory(
            first_name="Luis", email=door.patient.email, phone=door.patient.phone, birth_date=BORN,
            home_clinic=door.patient.home_clinic,
        )  # fmt: skip
        for whose, words in ((door.patient, "Waited long"), (twin, "Somebody else")):
            episode = EpisodeFactory(patient=whose, clinic=whose.home_clinic)
            ResponseFactory(score=3, comment_text=words, invitation__episode=episode, invitation__patient=whose)
    return door


def acts(door):
    return [row for row in door.rows(AuditEvent, "action", "actor_kind", "patient_id", "facts") if "copied" in row[0]]


def test_help_leads_to_the_data(door):
    assert f'href="{PAGE}"' in page_of(door.signed_in().get("/portal/help/"))


def test_the_copy_holds_what_is_kept_about_this_patient_and_nobody_else(twins):
    answer = twins.signed_in().get(DATA)
    copied = json.loads(answer.content)
    sections = {section["title"]: section["rows"] for section in copied["sections"]}
    assert copied["patient"] == str(twins.patient.pk)
    assert sections["Person"][0]["E-mail"] == "ruth@example.com"
    assert [row["Comment"] for row in sections["Your answers to our surveys"]] == ["Waited long"]
    assert "Somebody else" not in page_of(answer)
    assert "Luis" not in page_of(answer)
    assert (answer["Cache-Control"], answer["Content-Disposition"]) == (
        "no-store", 'attachment; filename="my-record-2026-11-24.json"',
    )  # fmt: skip


def test_the_data_for_programs_is_the_same_in_every_language(door):
    phone = door.signed_in()
    assert json.loads(phone.get(DATA, {"lang": "es"}).content) == json.loads(phone.get(DATA, {"lang": "en"}).content)


@pytest.mark.pdf
@pytest.mark.skipif(bool(pdf.missing()), reason="this machine cannot make PDFs")
@pytest.mark.parametrize(
    ("language", "shown"),
    [("en", ["Copy of the record", "Born", "Waited long"]), ("es", ["Copia del expediente", "Nacimiento", "Waited"])],
)
def test_the_document_speaks_the_language_of_the_page(twins, tmp_path, language, shown):
    made = tmp_path / "copy.pdf"
    made.write_bytes(twins.signed_in().get(DOCUMENT, {"lang": language}).content)
    text = " ".join(page.extract_text() for page in PdfReader(made).pages)
    assert [one for one in shown if one not in text] == []
    assert "Luis" not in text
    assert PdfReader(made).trailer["/Root"]["/Lang"] == language


def test_fetching_it_is_recorded_as_the_patients_own_act_and_is_no_disclosure(door):
    door.signed_in().get(DATA)
    assert acts(door) == [("portal.copied", "patient", door.patient.pk, {"form": "json"})]
    assert door.rows(Disclosure, "pk") == []  # 45 CFR 164.528(a)(1)(ii): to the individual


def test_ten_minutes_after_the_birth_date_it_is_asked_for_again(door):
    phone = door.signed_in()
    with clock.at(LATER):
        asked = words_of(phone.get(PAGE))
        refused = phone.get(DATA)
        wrong = phone.post(PAGE, {"month": "4", "day": "5"})
        odd = phone.post(PAGE, {"month": "13", "day": "5"})
        again = phone.post(PAGE, {"month": "3", "day": "5"})
        given = phone.get(DATA)
    assert "When is your birthday?" in asked
    assert "Get your copy" not in asked
    assert (refused.status_code, refused["Location"]) == (302, PAGE)
    assert (wrong.status_code, "You have 4 tries left" in page_of(wrong)) == (422, True)
    assert (odd.status_code, "such as 3 5" in page_of(odd)) == (422, True)
    assert (again.status_code, again["Location"], given.status_code) == (302, PAGE, 200)
    assert len(acts(door)) == 1


def test_five_wrong_birthdays_sign_the_phone_out(door):
    phone = door.signed_in(own_device="on")
    with clock.at(LATER):
        answers = [phone.post(PAGE, {"month": "4", "day": "5"}) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [422, 422, 422, 422, 302]
        assert answers[-1]["Location"].endswith("/link/?why=locked")
        assert phone.get(DATA).status_code == 403
    assert acts(door) == []


@pytest.mark.parametrize("path", [PAGE, DATA])
@pytest.mark.parametrize("own", [{}, {"own_device": "on"}])
def test_an_idle_phone_gets_nothing(door, own, path):
    phone = door.signed_in(**own)
    with clock.at(NOW + timedelta(minutes=20)):
        refused = phone.get(path)
    door_again = f"/portal/{door.practice.public_id}/link/?why=idle"
    assert (refused.status_code, refused["Location"]) == (302, "/portal/check/" if own else door_again)
    assert acts(door) == []


def test_another_form_of_copy_is_no_page_and_a_machine_without_pango_offers_none(door, monkeypatch):
    phone = door.signed_in()
    assert phone.get("/portal/my-data/copy.docx").status_code == 404
    monkeypatch.setattr(pdf, "missing", lambda: "sudo apt-get install libpango-1.0-0")
    assert phone.get(DOCUMENT).status_code == 404
    assert DOCUMENT not in page_of(phone.get(PAGE))


def test_every_word_of_a_choice_in_the_copy_has_spanish():
    kept = catalogue.read()
    missing = {
        str(label)
        for model, columns in CHOICES.items()
        for column in columns
        for _value, label in model._meta.get_field(column).flatchoices
        if not getattr(kept.get(str(label)), "string", "")
    }
    assert missing == set()
