"""The inbox in a browser: a new case comes by itself, keys work, a closed case can be taken back."""

import pytest

from nps import answer
from nps.models import RecoveryCase
from prm.dev import browser as chromium
from prm.tenancy import use_practice
from tests.dashboard.conftest import make_desk
from tests.factories.nps import InvitationFactory
from tests.factories.patients import EpisodeFactory
from tests.ui import harness

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_new_case_shows_without_a_reload_and_is_worked_on_by_keyboard(browser, live_server):
    desk = make_desk()
    cookies = [chromium.signed_in(desk.people.owner.user, live_server.url)]
    with harness.watched(browser, live_server.url, cookies=cookies) as watching:
        page = watching.page
        page.goto(f"{live_server.url}/{desk.practice.slug}/inbox/?view=open")
        assert page.locator("[data-item]").count() == 1
        with use_practice(desk.practice.pk):
            other = InvitationFactory(episode=EpisodeFactory(clinic=desk.case.clinic))
            answer.answer(other, 1, comment="Nobody called back.", now=desk.response.answered_at)
        page.get_by_text("Nobody called back.").first.wait_for(timeout=30_000)
        assert page.locator("[data-item]").count() == 2

        page.keyboard.press("j")
        page.keyboard.press("Enter")
        page.wait_for_url("**/inbox/*-*/**")
        page.locator(".said").get_by_text("Nobody called back.").wait_for()
        page.keyboard.press("l")
        page.get_by_label("Left word").check()
        page.get_by_role("button", name="Save contact").click()
        page.get_by_text("Phone: left word").wait_for()

        page.keyboard.press("e")
        page.get_by_label("What caused it").select_option("communication")
        page.get_by_label("Apologized").check()
        page.get_by_role("button", name="Resolve case").click()
        page.get_by_role("button", name="Undo").wait_for()
        assert page.locator("[data-item]").count() == 1
        page.get_by_role("button", name="Undo").click()
        page.get_by_text("The case is open again").wait_for()

        assert (watching.said, watching.foreign) == ([], [])
    with use_practice(desk.practice.pk):
        case = RecoveryCase.objects.exclude(pk=desk.case.pk).get()
        assert (case.state, case.outcome) == ("waiting", "")
