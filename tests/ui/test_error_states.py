"""U1 where something went wrong: axe, width and targets on the pages that answer 403, 404, 422 and 429."""

import uuid

import pytest
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from accounts.models import Membership, Practice, User
from prm.dev import browser as chromium
from prm.tenancy import use_practice
from tests.factories.accounts import MembershipFactory, PracticeFactory
from tests.portal.conftest import build_door
from tests.ui import harness

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def harbor() -> Practice:
    return PracticeFactory(slug="harbor")


def one(practice: Practice, role: str) -> User:
    with use_practice(practice.pk):
        return MembershipFactory(role=role, user__email=f"{role}@example.com").user


def sent(page: Page, button: str) -> int:
    """Press; the status of the page that comes."""
    with page.expect_response(lambda answer: answer.request.is_navigation_request()) as answer:
        page.get_by_role("button", name=button, exact=True).click()
    page.wait_for_load_state("networkidle")
    return answer.value.status


def test_pages_of_staff_that_say_what_went_wrong(harbor: Practice, browser: Browser, live_server: LiveServer) -> None:
    owner, desk = one(harbor, Membership.Role.OWNER), one(harbor, Membership.Role.FRONT_DESK)
    base, found = f"{live_server.url}/harbor", {}
    with harness.watched(browser, live_server.url, cookies=[chromium.signed_in(owner, live_server.url)]) as watching:
        page = watching.page

        page.goto(f"{base}/settings/practice/", wait_until="networkidle")
        page.locator("[name=phone]").fill("12")
        assert sent(page, "Save practice") == 422
        assert page.locator("[name=phone]").input_value() == "12"
        found["422"] = harness.faults(watching, portal=False)

        assert page.goto(f"{base}/patients/{uuid.uuid4()}/", wait_until="networkidle").status == 404
        found["404"] = harness.faults(watching, portal=False)
    with harness.watched(browser, live_server.url, cookies=[chromium.signed_in(desk, live_server.url)]) as watching:
        assert watching.page.goto(f"{base}/settings/api-keys/", wait_until="networkidle").status == 403
        found["403"] = harness.faults(watching, portal=False)
    assert found == {"422": [], "404": [], "403": []}


def test_the_door_that_refuses(harbor: Practice, browser: Browser, live_server: LiveServer) -> None:
    owner, found, status = one(harbor, Membership.Role.OWNER), {}, 0
    with harness.watched(browser, live_server.url) as watching:
        page = watching.page
        page.goto(f"{live_server.url}/signin/", wait_until="networkidle")
        for guess in range(11):
            page.get_by_label("Work e-mail").fill(owner.email)
            page.get_by_label("Password", exact=True).fill(f"wrong {guess}")
            status = sent(page, "Continue")
            if guess == 0:
                assert status == 422
                found["422"] = harness.faults(watching, portal=False)
        assert status == 429
        found["429"] = harness.faults(watching, portal=False)
    assert found == {"422": [], "429": []}


def test_a_patients_link_that_leads_nowhere(browser: Browser, live_server: LiveServer) -> None:
    path = build_door().link().rpartition("/")[0]
    found = {}
    for language in ("en", "es"):
        with harness.watched(browser, live_server.url, viewport=harness.PHONE) as watching:
            answer = watching.page.goto(f"{live_server.url}{path}/{'x' * 43}?lang={language}", wait_until="networkidle")
            found[language, answer.status] = harness.faults(watching, portal=True)
    assert found == {("en", 404): [], ("es", 404): []}
