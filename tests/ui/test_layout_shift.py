"""U4: nothing jumps while a page loads."""

import pytest
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from prm.dev import pages
from tests.ui import harness, world

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

BAR = 0.01
PAGES = ("signin", "today", "inbox", "patient", "portal_home", "survey")
WATCH = """window.shifts = [];
new PerformanceObserver(list => window.shifts.push(...list.getEntries().map(one => one.value)))
    .observe({ type: 'layout-shift', buffered: true });"""
SHIFTED = "() => window.shifts.reduce((sum, one) => sum + one, 0)"


def settled(page: Page) -> float:
    """The sum of all shifts once everything has come."""
    page.evaluate("() => document.fonts.ready.then(() => new Promise(done => setTimeout(done, 300)))")
    return page.evaluate(SHIFTED)


def test_u4_nothing_jumps(browser: Browser, live_server: LiveServer) -> None:
    practice, owner = world.build()
    visits = {visit.name: visit for visit in pages.visits(practice)}
    shifted = {}
    for name in PAGES:
        portal = visits[name].side in pages.FOR_PATIENTS
        viewport = harness.PHONE if portal else harness.DESK
        cookies = pages.cookies(visits[name].side, owner, live_server.url)
        with harness.watched(browser, live_server.url, cookies=cookies, viewport=viewport) as watching:
            page = watching.page
            page.add_init_script(WATCH)
            page.goto(live_server.url + visits[name].path, wait_until="commit")
            page.wait_for_load_state("networkidle")
            shifted[name] = settled(page)
    assert {name: value for name, value in shifted.items() if value >= BAR} == {}


JUMPS = """<!doctype html><html lang="en"><title>Jumps</title>
<main><img hidden><h1>Heading</h1><p>Words</p></main></html>"""


def test_a_page_that_jumps_is_found_out(browser: Browser, live_server: LiveServer) -> None:
    with harness.watched(browser, live_server.url) as watching:
        page = watching.page
        page.add_init_script(WATCH)
        page.route("**/jumps/", lambda route: route.fulfill(body=JUMPS, content_type="text/html"))
        page.goto(live_server.url + "/jumps/")
        page.wait_for_timeout(700)  # a shift within half a second of what a person did is none
        page.evaluate(
            "() => { const e = document.querySelector('img'); e.hidden = false; e.height = 400; e.width = 9; }"
        )
        assert settled(page) >= BAR
