"""Signing in by keyboard alone with the focus in sight (U7), and without JavaScript (U11)."""

import io
from typing import Any

import pytest
from PIL import Image, ImageChops
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts import totp
from accounts.models import Membership, User
from prm import clock
from prm.tenancy import use_practice
from tests.factories.accounts import MembershipFactory, PracticeFactory
from tests.ui import harness

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PASSWORD = "correct horse battery"
BESIDE = 8  # px around the control in which its ring may be
BOX = "() => { const b = document.activeElement.getBoundingClientRect(); return [b.x, b.y, b.right, b.bottom]; }"
FOCUSED = "() => document.activeElement.tagName"
NAME = "() => document.activeElement.innerText || document.activeElement.name"


@pytest.fixture
def dana() -> tuple[User, Any]:
    """A therapist with a password, and the device that shows her codes."""
    practice = PracticeFactory(slug="harbor")
    with use_practice(practice.pk):
        user = MembershipFactory(role=Membership.Role.THERAPIST, user__email="dana@example.com").user
    user.set_password(PASSWORD)
    user.save()
    return user, totp.new_device(user, confirmed=True)


def code(device: Any) -> str:
    """What the authenticator app shows now."""
    return device.code_at(clock.now())


def seen(page: Page) -> Image.Image:
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def tab_to(page: Page, name: str) -> None:
    """Tab until the focus is on `name`; at each step it is somewhere, and the picture shows where."""
    for _step in range(12):
        before = seen(page)
        page.keyboard.press("Tab")
        assert page.evaluate(FOCUSED) != "BODY"
        left, top, right, bottom = page.evaluate(BOX)
        assert 0 <= top < bottom <= page.viewport_size["height"]
        around = (max(left - BESIDE, 0), max(top - BESIDE, 0), right + BESIDE, bottom + BESIDE)
        changed = ImageChops.difference(before, seen(page)).crop(tuple(round(edge) for edge in around)).convert("L")
        here = page.evaluate(NAME)
        marked = sum(changed.point(lambda value: 255 if value > 40 else 0).histogram()[255:])
        assert marked >= (right - left) + (bottom - top), f"nothing shows that {here} has the focus"
        if here.strip() == name:
            return
    pytest.fail(f"{name} was not reached")


def test_u7_signing_in_by_keyboard_alone_the_focus_is_always_seen(
    dana: tuple[User, Any], browser: Browser, live_server: LiveServer
) -> None:
    user, device = dana
    with harness.watched(browser, live_server.url) as watching:
        page = watching.page
        page.goto(f"{live_server.url}/signin/", wait_until="networkidle")
        if page.evaluate("() => document.activeElement.name") != "email":
            tab_to(page, "email")
        page.keyboard.type(user.email)
        tab_to(page, "password")
        page.keyboard.type("a wrong one")
        page.keyboard.press("Enter")
        page.get_by_role("alert").wait_for()
        page.wait_for_load_state("networkidle")
        assert page.evaluate(FOCUSED) != "BODY"
        tab_to(page, "password")
        page.keyboard.type(PASSWORD)
        tab_to(page, "Continue")
        page.keyboard.press("Enter")
        page.wait_for_url("**/signin/verify/")
        page.wait_for_load_state("networkidle")
        if page.evaluate(FOCUSED) != "INPUT":
            tab_to(page, "code")
        page.keyboard.type(code(device))  # goes off at its sixth digit
        page.wait_for_url(f"{live_server.url}/harbor/**")
        assert (watching.said, watching.foreign) == ([], [])


def test_u11_signing_in_works_without_javascript(
    dana: tuple[User, Any], browser: Browser, live_server: LiveServer
) -> None:
    user, device = dana
    with harness.watched(browser, live_server.url, java_script_enabled=False) as watching:
        page = watching.page
        page.goto(f"{live_server.url}/signin/?next=/harbor/patients/")
        for given in ("a wrong one", PASSWORD):
            page.get_by_label("Work e-mail").fill(user.email)
            page.get_by_label("Password", exact=True).fill(given)
            page.get_by_role("button", name="Continue").click()
        page.wait_for_url("**/signin/verify/")
        page.locator("[name=code]").fill(code(device))
        page.get_by_role("button", name="Continue").click()
        page.wait_for_url(f"{live_server.url}/harbor/patients/")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        page.goto(f"{live_server.url}/practices/")
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url(f"{live_server.url}/signin/?why=signed_out")
