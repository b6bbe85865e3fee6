"""Before a patient is signed out for idleness the page asks; without JavaScript it says when (WCAG 2.2.1)."""

from datetime import datetime, timedelta

import pytest
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from patients.models import PortalSession
from prm.tenancy import use_practice
from tests.portal.conftest import RIGHT, build_door
from tests.ui import harness

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def come_in(page: Page, address: str, door) -> None:
    page.goto(address + door.link())
    for part in ("month", "day", "year"):
        page.locator(f"#{part}").fill(RIGHT[part])
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url(f"{address}/portal/")


def test_the_page_asks_before_it_closes_and_stays_where_the_patient_says_so(
    browser: Browser, live_server: LiveServer
) -> None:
    door = build_door()
    with harness.watched(browser, live_server.url, viewport=harness.PHONE) as watching:
        page = watching.page
        page.clock.install()
        come_in(page, live_server.url, door)
        page.clock.fast_forward("17:50")
        assert not page.get_by_role("dialog").is_visible()
        page.clock.fast_forward("00:20")
        dialog = page.get_by_role("dialog", name="Are you still there?")
        dialog.wait_for()
        assert page.evaluate("document.activeElement.textContent") == "Stay signed in"
        found = harness.faults(watching, portal=True)
        with page.expect_response("**/portal/help/") as answer:
            dialog.get_by_role("button", name="Stay signed in").click()
        assert answer.value.ok
        page.evaluate("new Promise(done => setTimeout(done, 0))")
        page.clock.fast_forward("17:30")
        assert not dialog.is_visible()
        page.clock.fast_forward("00:40")
        assert dialog.is_visible()
        with page.expect_navigation(url="**/portal/"):
            page.clock.fast_forward("02:10")
    assert found == []


def test_without_javascript_the_page_says_when_it_closes(browser: Browser, live_server: LiveServer) -> None:
    door = build_door(time_zone="America/Los_Angeles")
    with harness.watched(browser, live_server.url, viewport=harness.PHONE, java_script_enabled=False) as watching:
        come_in(watching.page, live_server.url, door)
        said = watching.page.locator("noscript, .phelp").all_inner_texts()
    with use_practice(door.practice.pk):
        seen: datetime = PortalSession.objects.get().seen_at
        closes = (seen + timedelta(minutes=20)).astimezone(door.patient.zone(door.practice.zone))
    told = f"{closes:%I:%M %p}".lstrip("0").lower()
    assert any(f"We close this page at {told}, so that" in line for line in said), said


def test_the_page_names_the_time_that_is_left_where_the_eight_hours_end_first(door, now):
    phone = door.signed_in()
    with use_practice(door.practice.pk):
        PortalSession.objects.update(checked_at=now - timedelta(hours=7, minutes=55))
    assert 'data-seconds="300"' in phone.get("/portal/").content.decode()
