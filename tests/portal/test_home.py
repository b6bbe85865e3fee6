"""The patient's own pages: what comes next, in the clinic's time, and never a miss (ui.md sections 1 and 9)."""

from datetime import UTC, datetime, timedelta

import pytest

from nps.models import SurveyInvitation
from patients.models import Episode, PortalLink
from prm import clock
from prm.audit.models import AuditEvent
from prm.tenancy import use_practice
from tests.factories.accounts import ClinicFactory, TherapistFactory
from tests.factories.nps import InvitationFactory
from tests.factories.patients import EpisodeFactory, PatientFactory, VisitFactory
from tests.portal.conftest import NOW, page_of, words_of

pytestmark = pytest.mark.django_db
TOMORROW = datetime(2026, 11, 25, 19, tzinfo=UTC)  # 2 pm in New York


def in_care(door, *statuses, planned=12, **episode):
    """An episode of the patient with one visit a status, a week apart, the last booked one tomorrow."""
    with use_practice(door.practice.pk):
        made = EpisodeFactory(
            **{"patient": door.patient, "clinic": door.patient.home_clinic,
               "therapist": TherapistFactory(first_name="Priya"), "planned_visits": planned} | episode
        )  # fmt: skip
        for back, status in enumerate(reversed(statuses)):
            VisitFactory(episode=made, status=status, starts_at=TOMORROW - timedelta(days=7 * back))
    return made


def main_of(response):
    """The page without the dialog that asks before it closes, which has a button of its own."""
    return page_of(response).partition("<main")[2].partition("</main>")[0]


def home(door, **query):
    return door.signed_in().get("/portal/", query)


def test_the_page_says_who_what_when_and_where(door):
    in_care(door, *["completed"] * 5, "booked")
    said = words_of(home(door))
    for shown in (
        "Good morning, Ruth", "Next visit Tomorrow at 2:00 pm", "with Priya, Eastside", "12 Quay Street, Oakland",
        "Show on a map", "(415) 555-0101", "5 of 12 visits done", "Sign out", "Español",
    ):  # fmt: skip
        assert shown in said


def test_the_page_speaks_spanish(door):
    in_care(door, "completed", "booked")
    said = words_of(home(door, lang="es"))
    for shown in ("Buenos días, Ruth", "Próxima visita Mañana a las 2:00 p. m.", "con Priya, Eastside",
                  "1 de 12 visitas hechas"):  # fmt: skip
        assert shown in said


def test_a_page_without_a_choice_speaks_the_patients_language(door):
    door.change(language="es")
    assert "Buenos días" in words_of(home(door))


@pytest.mark.parametrize("status", ["no_show", "cancelled"])
def test_the_patients_rail_never_shows_a_miss(door, status):
    in_care(door, "completed", status, status, "booked")
    page = page_of(home(door))
    assert 'class="m"' not in page
    assert 'class="x"' not in page
    assert "missed" not in page
    assert "1 of 12 visits done" in words_of(home(door))


def test_the_time_is_the_clinics_and_named_where_the_patient_lives_in_another_zone(door):
    in_care(door, "booked")
    assert "Eastern Time" not in words_of(home(door))
    door.change(time_zone="America/Los_Angeles")
    assert "Tomorrow at 2:00 pm (Eastern Time)" in words_of(home(door))


def test_a_visit_of_which_only_the_day_is_known_claims_no_time(door):
    made = in_care(door, "booked")
    with use_practice(door.practice.pk):
        made.visits.update(day_precision=True, starts_at=TOMORROW + timedelta(days=5))
    said = words_of(home(door))
    assert "Next visit Monday, November 30 with Priya" in said


def test_nothing_booked_says_whom_to_call(door):
    in_care(door, "completed", "no_show", planned=8)
    with clock.at(NOW + timedelta(days=3)):
        said = words_of(home(door))
    assert "No visit is booked yet" in said
    assert "Call (415) 555-0101" in said
    assert "1 of 8 visits done" in said


def test_after_discharge_the_page_says_how_to_come_back(door):
    in_care(
        door, "completed", status=Episode.Status.DISCHARGED, discharged_at=datetime(2026, 11, 20, 17, tzinfo=UTC),
        discharge_seq=1,
    )  # fmt: skip
    with clock.at(NOW + timedelta(days=3)):
        said = words_of(home(door))
    assert "Coming back Your care with us ended on Friday, November 20." in said
    assert "visits done" not in said


def test_one_who_came_no_more_reads_no_reproach(door):
    in_care(door, "completed", status=Episode.Status.LAPSED)
    with clock.at(NOW + timedelta(days=3)):
        assert "We have not seen you for a while." in words_of(home(door))


def test_a_patient_without_anything_has_a_page_too(door):
    said = words_of(home(door))
    assert "When one is booked, you find it here." in said


def test_what_the_emr_deleted_is_not_shown(door):
    made = in_care(door, "booked")
    with use_practice(door.practice.pk):
        made.visits.update(hidden=True)
    assert "No visit is booked yet" in words_of(home(door))


@pytest.mark.parametrize("status", ["active", "planned", "discharged", "lapsed"])
def test_one_act_is_the_next_one(door, status):
    """Never two filled buttons: where a question waits, calling is the second thing (ui.md §3)."""
    made = in_care(door, "completed", status=status, discharged_at=NOW if status == "discharged" else None)
    assert main_of(home(door)).count("btn primary") == 1
    with use_practice(door.practice.pk):
        InvitationFactory(episode=made, patient=door.patient)
    page = main_of(home(door))
    assert (page.count("btn primary"), page.count("tel:")) == (1, 1)
    assert "Answer the question" in page


def test_the_page_shows_the_patients_own_rows_alone(door):
    in_care(door, "completed")
    with use_practice(door.practice.pk):
        other = EpisodeFactory(patient=PatientFactory(first_name="Luis"), clinic=ClinicFactory(name="Westside"))
        VisitFactory(episode=other, status="booked", starts_at=TOMORROW)
    page = page_of(home(door))
    assert "Luis" not in page
    assert "Westside" not in page


def test_a_survey_that_waits_is_answered_from_the_page(door):
    made = in_care(door, "completed")
    with use_practice(door.practice.pk):
        InvitationFactory(episode=made, patient=door.patient)
    phone = door.signed_in()
    assert "One question for you" in words_of(phone.get("/portal/"))
    survey = phone.post("/portal/survey/")["Location"]
    assert phone.post(survey, {"score": "9"}).status_code == 302
    assert "One question for you" not in words_of(phone.get("/portal/"))
    with use_practice(door.practice.pk):
        assert [i.state for i in SurveyInvitation.objects.all()] == ["answered"]
        assert PortalLink.objects.filter(purpose="survey").get().expires_at == SurveyInvitation.objects.get().expires_at


@pytest.mark.parametrize(
    "change", [{"state": "queued"}, {"expires_at": NOW}, {"state": "withdrawn", "not_sent_reason": "held"}]
)
def test_a_survey_that_was_not_sent_or_is_over_does_not_wait(door, change):
    made = in_care(door, "completed")
    with use_practice(door.practice.pk):
        InvitationFactory(episode=made, patient=door.patient, **change)
    phone = door.signed_in()
    assert "One question" not in words_of(phone.get("/portal/"))
    assert phone.post("/portal/survey/")["Location"] == "/portal/"


def test_nobody_answers_the_survey_of_another_patient_from_his_page(door):
    made = in_care(door, "completed")
    with use_practice(door.practice.pk):
        InvitationFactory(episode=made, patient=PatientFactory())
    assert door.signed_in().post("/portal/survey/")["Location"] == "/portal/"


@pytest.mark.parametrize(
    ("hour", "words"), [(11, "Good morning"), (17, "Good afternoon"), (23, "Good evening"), (9, "Good morning")]
)
def test_the_greeting_goes_by_the_patients_clock(door, hour, words):
    with clock.at(datetime(2026, 11, 24, hour, tzinfo=UTC)):  # New York is five hours behind
        assert words in words_of(home(door))


def test_reading_the_page_is_audited_as_the_patients_own(door):
    home(door)
    read = [row[1:] for row in door.rows(AuditEvent, "action", "actor_kind", "actor_id", "patient_id")
            if row[0] == "portal.read"]  # fmt: skip
    assert read == [("patient", door.patient.pk, door.patient.pk)]


def test_every_page_behind_the_sign_in_writes_down_that_it_was_opened(door):
    """The privacy text says so."""
    phone = door.signed_in()
    for path in ("/portal/", "/portal/help/"):
        phone.get(path)
    read = [action for (action,) in door.rows(AuditEvent, "action") if action == "portal.read"]
    assert len(read) == 2


def test_the_privacy_text_counts_our_cookies(door):
    phone = door.signed_in(own_device="on")
    phone.get("/portal/", {"lang": "es"})
    phone.get("/portal/help/")
    assert set(phone.cookies) == {"prm_portal", "prm_language", "csrftoken"}
    assert "three small files" in words_of(phone.get("/portal/help/", {"lang": "en"}))


def test_help_says_whom_to_call_how_it_works_and_what_is_kept(door):
    said = words_of(door.signed_in().get("/portal/help/"))
    for shown in ("Call (415) 555-0100", "How it works", "Your devices", "Your privacy", "Made for everyone", "911"):
        assert shown in said


def test_only_pages_that_exist_have_a_tab(door):
    page = page_of(home(door))
    tabs = page[page.index('class="ptabs"') :]
    assert tabs.count("<li>") == 2
    for absent in ("Exercises", "Messages"):
        assert absent not in page
