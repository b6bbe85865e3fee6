"""The report with a year of answers in a real browser: no violation at any width, in either theme, pictures and all."""

import os
from datetime import timedelta
from itertools import cycle
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from pytest_django.live_server_helper import LiveServer

from accounts.models import Membership
from nps.models import Response, SurveyInvitation
from prm import clock, crypto
from prm.dev import browser as chromium
from prm.tenancy import use_practice
from tests.factories.accounts import ClinicFactory, MembershipFactory, PracticeFactory, TherapistFactory
from tests.factories.nps import CaseFactory, SurveyFactory
from tests.factories.patients import EpisodeFactory, PatientFactory
from tests.ui import harness

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SHOTS = os.environ.get("PRM_SHOTS")  # a folder, to look at the pictures


CLINICS = ("Harbor", "Eastside", "A clinic whose name has sixty characters, so that it is long")
THERAPISTS = (("Priya", "Nair"), ("Lena", "Ortiz"), ("Maximiliana", "Featherstonehaugh-Cholmondeley"))
PEOPLE = ("Ruth", "Hugh", "Marta", "Sam", "Carol", "Walter") * 10
STAGES, CHANNELS = ("early", "mid", "discharge", "post", "dropped"), ("email", "email", "sms")
SCORES = (10, 9, 10, 10, 8, 10, 9, 3, 10, 10, 7, 9, 10, 10, 0, 10)
WORDS = {
    0: "Waited 40 minutes twice and nobody said sorry. Priya is wonderful, but I take unpaid time off work to come in.",
    3: "The bill confuses me.",
    10: "Priya explains everything twice and never makes me feel slow.",
}


@pytest.fixture
def year(db):
    """A practice whose answers reach back 13 months: three clinics of different size, few answers in some months."""
    practice = PracticeFactory(slug="harbor", name="Harbor Physical Therapy")
    with use_practice(practice.pk):
        owner = MembershipFactory(role=Membership.Role.OWNER).user
        clinics = [ClinicFactory(name=name) for name in CLINICS]
        therapists = [TherapistFactory(first_name=first, last_name=last) for first, last in THERAPISTS]
        episodes = [
            EpisodeFactory(patient=PatientFactory(first_name=name), clinic=clinics[place], therapist=therapists[place])
            for name, place in zip(PEOPLE, cycle((0, 0, 0, 1, 1, 2, 0)), strict=False)
        ]
        rows, scores = [], cycle(SCORES)
        for month in range(14):
            at = clock.now() - timedelta(days=30 * month + 9)
            asked = episodes[: {5: 7, 8: 18}.get(month, 60)]
            rows += [_answer(episode, next(scores), at, number) for number, episode in enumerate(asked)]
        _save(rows)
        for row in [row for row in rows[:60] if row.score < 4]:
            case = CaseFactory(response=row, opened_at=row.answered_at, due_at=row.answered_at + timedelta(hours=4))
            Response.objects.filter(pk=row.pk).update(case=case)
    return practice, owner


def _answer(episode, score, at, number) -> Response:
    row = Response(
        patient=episode.patient, episode=episode, clinic=episode.clinic, therapist=episode.therapist, visit_ordinal=4,
        stage=STAGES[number % 5], channel=CHANNELS[number % 3], score=score, first_score=score, answered_at=at,
        changed_at=at, practice_id=episode.practice_id,
    )  # fmt: skip
    crypto.seal_text(row, "comment", WORDS.get(score, "") if number % 4 == 0 or score < 4 else "")
    return row


def _save(rows: list[Response]) -> None:
    """Each answer with its asking."""
    survey = SurveyFactory()
    asked = [
        SurveyInvitation(
            survey=survey, episode=row.episode, patient=row.patient, clinic=row.clinic, therapist=row.therapist,
            stage=row.stage, state="answered", asked_at=row.answered_at - timedelta(hours=2),
            expires_at=row.answered_at + timedelta(days=30),
        )
        for row in rows
    ]  # fmt: skip
    for row, invitation in zip(rows, SurveyInvitation.objects.bulk_create(asked), strict=True):
        row.invitation = invitation
    Response.objects.bulk_create(rows)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_report_is_without_fault_with_its_pictures(year, theme, browser: Browser, live_server: LiveServer):
    practice, owner = year
    cookies = [chromium.signed_in(owner, live_server.url)]
    with harness.watched(browser, live_server.url, cookies=cookies, color_scheme=theme) as watching:
        found = harness.problems(watching, f"/{practice.slug}/nps/?period=last_3", portal=False)
        page = watching.page
        shown = page.locator(".chart-figure svg:visible").count()
        if SHOTS:
            for name, size in (("phone", harness.PHONE), ("desk", harness.DESK)):
                page.set_viewport_size(size)
                page.screenshot(path=Path(SHOTS) / f"nps-{theme}-{name}.png", full_page=True)

    assert found == []
    assert shown == 4


def test_the_marks_say_their_values_by_arrow_keys(year, browser: Browser, live_server: LiveServer):
    practice, owner = year
    with harness.watched(browser, live_server.url, cookies=[chromium.signed_in(owner, live_server.url)]) as watching:
        page = watching.page
        page.goto(f"{live_server.url}/{practice.slug}/nps/?period=last_3", wait_until="networkidle")
        page.locator("[data-chart=nps_by_clinic] svg:visible").focus()
        page.keyboard.press("ArrowRight")

        assert page.locator(".tip").inner_text().startswith("Harbor: NPS ")


def test_without_javascript_every_picture_is_a_link_away(year, browser: Browser, live_server: LiveServer):
    practice, owner = year
    cookies = [chromium.signed_in(owner, live_server.url)]
    with harness.watched(browser, live_server.url, cookies=cookies, java_script_enabled=False) as watching:
        page = watching.page
        page.goto(f"{live_server.url}/{practice.slug}/nps/?period=last_3")
        page.get_by_role("link", name="Show the picture").first.click()

        assert page.locator("figure svg:visible").count() == 1
