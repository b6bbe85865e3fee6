"""U1, U2, U5, U6, U9 on every page: axe, console, policy reports, other hosts, 320 px, targets, nothing inline."""

import pytest
from django.test import Client
from playwright.sync_api import Browser
from prometheus_client import REGISTRY
from pytest_django.live_server_helper import LiveServer

from accounts import signin
from prm.dev import pages
from prm.ui import context
from tests.ui import harness, world

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def policy_reports() -> float:
    return sum(
        sample.value
        for metric in REGISTRY.collect()
        if metric.name == "prm_csp_reports"
        for sample in metric.samples
        if sample.name == "prm_csp_reports_total"
    )


NAMES = sorted(name for name, row in pages.ROWS.items() if not row.fragment)


@pytest.mark.parametrize("name", NAMES)
def test_page_is_without_fault(name: str, browser: Browser, live_server: LiveServer) -> None:
    visit_one(name, browser, live_server.url)


@pytest.mark.drill
@pytest.mark.parametrize("name", NAMES)
def test_page_is_without_fault_in_the_dark_and_in_spanish(name: str, browser: Browser, live_server: LiveServer) -> None:
    visit_one(name, browser, live_server.url, language="es", color_scheme="dark")


def visit_one(name: str, browser: Browser, address: str, *, language: str = "", **options: str) -> None:
    practice, owner = world.build()
    visit = next((visit for visit in pages.visits(practice) if visit.name == name), None)
    assert visit is not None, f"tests/ui/world.py makes nothing that {name} could show"
    if visit.redirects:
        assert Client().get(visit.path).status_code == 302
        return
    before = policy_reports()

    portal = visit.side in pages.FOR_PATIENTS
    spanish = ("&" if "?" in visit.path else "?") + f"lang={language}" if portal and language else ""
    cookies = pages.cookies(visit.side, owner, address)
    with harness.watched(browser, address, cookies=cookies, **options) as watching:
        found = harness.problems(watching, visit.path + spanish, portal=portal)

    assert found == []
    assert policy_reports() == before


def test_every_url_name_has_a_row() -> None:
    assert pages.names() == pages.covered()


BAD_PAGE = """<!doctype html><html lang="en"><title>Bad</title><main><h1>Bad</h1>
<img src="https://elsewhere.example/a.png"><p style="inline-size: 900px">Wide</p><button onclick="x()">Go</button>
<b style="color: #fff; background: #fff">Nobody reads this</b><script>console.error("broken")</script></main></html>"""


def test_bad_page_is_found_out(browser: Browser, live_server: LiveServer) -> None:
    with harness.watched(browser, live_server.url) as watching:
        watching.page.route("**/bad/", lambda route: route.fulfill(body=BAD_PAGE, content_type="text/html"))
        watching.page.goto(live_server.url + "/bad/")
        found = harness.faults(watching, portal=True)

    assert any("text in the colour of its ground" in line for line in found)
    assert {line.partition(":")[0] for line in found} == {
        "1440 px", "390 px", "320 px", "inline", "small", "console", "foreign",
    }  # fmt: skip


def test_page_asks_before_it_signs_an_idle_person_out(browser: Browser, live_server: LiveServer) -> None:
    practice, owner = world.build()
    cookies = pages.cookies(pages.STAFF, owner, live_server.url)
    with harness.watched(browser, live_server.url, cookies=cookies) as watching:
        page = watching.page
        page.clock.install()
        page.goto(f"{live_server.url}/{practice.slug}/settings/consent/")
        page.clock.fast_forward("12:00")
        assert not page.get_by_role("dialog").is_visible()
        page.clock.fast_forward("01:10")
        with page.expect_response("**/practices/") as answer:
            page.get_by_role("button", name="Stay signed in").click()
        assert answer.value.ok
        page.evaluate("new Promise(done => document.fonts.ready.then(done))")
        page.clock.fast_forward("14:59")
        assert page.get_by_role("dialog").is_visible()
        with page.expect_request("**/signin/?why=idle*"):
            page.clock.fast_forward("00:30")


def test_idle_time_is_the_one_of_the_server() -> None:
    assert signin.IDLE_MINUTES == context.IDLE_MINUTES
