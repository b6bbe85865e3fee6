"""A passkey in a real browser: Chromium's virtual authenticator makes it, then it opens the door in both ways."""

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts import totp
from accounts.models import Membership
from prm.dev import browser as chromium
from prm.tenancy import use_practice
from tests.factories.accounts import MembershipFactory, PracticeFactory
from tests.ui import harness

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PASSWORD = "correct horse battery"
KEY = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
    "isUserVerified": True, "automaticPresenceSimulation": True,
}  # fmt: skip


@pytest.fixture
def dana():
    practice = PracticeFactory(slug="harbor")
    with use_practice(practice.pk):
        user = MembershipFactory(role=Membership.Role.OWNER, user__name="Dana Kim", user__email="dana@example.com").user
    user.set_password(PASSWORD)
    user.save()
    totp.new_device(user, confirmed=True)
    return user


def plug_in(page: Page) -> None:
    """A security key with a fingerprint reader, at this page."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})


def test_a_passkey_is_added_and_then_is_the_only_step_and_the_second_one(
    dana, browser: Browser, live_server: LiveServer
):
    address = live_server.url
    with harness.watched(browser, address, cookies=[chromium.signed_in(dana, address)]) as watching:
        page = watching.page
        plug_in(page)
        page.goto(f"{address}/harbor/settings/my-sign-in/")
        page.get_by_label("Name of the passkey").fill("Work laptop")
        page.get_by_role("button", name="Add a passkey").click()
        expect(page.get_by_text("Passkey, added")).to_be_visible()

        sign_out(page, address)
        page.get_by_role("button", name="Use a passkey").click()
        page.wait_for_url(f"{address}/harbor/")

        sign_out(page, address)
        page.get_by_label("Work e-mail").fill(dana.email)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Continue").click()
        page.wait_for_url(f"{address}/signin/verify/")
        page.get_by_role("button", name="Use a passkey").click()
        page.wait_for_url(f"{address}/harbor/")

        assert watching.said == []
        assert watching.foreign == []


def test_a_new_person_sets_up_a_passkey_as_the_only_second_step(browser: Browser, live_server: LiveServer):
    practice = PracticeFactory(slug="harbor")
    with use_practice(practice.pk):
        user = MembershipFactory(role=Membership.Role.OWNER, user__email="noa@example.com").user
    user.set_password(PASSWORD)
    user.save()
    address = live_server.url
    with harness.watched(browser, address) as watching:
        page = watching.page
        plug_in(page)
        page.goto(f"{address}/signin/")
        page.get_by_label("Work e-mail").fill(user.email)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Continue").click()
        page.wait_for_url(f"{address}/signin/factor/")
        page.get_by_label("Name of the passkey").fill("Work laptop")
        page.get_by_role("button", name="Set up a passkey").click()
        expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
        expect(page.locator(".codes li")).to_have_count(10)
        page.get_by_label("I have printed or saved them").check()
        page.get_by_role("button", name="Continue").click()
        page.wait_for_url(f"{address}/harbor/**")

        page.goto(f"{address}/harbor/settings/my-sign-in/")
        page.get_by_text("Rename").click()
        page.get_by_label("Name", exact=True).fill("Blue laptop")
        page.get_by_role("button", name="Save name").click()
        expect(page.get_by_text("Blue laptop", exact=True)).to_be_visible()

        sign_out(page, address)
        page.get_by_role("button", name="Use a passkey").click()
        page.wait_for_url(f"{address}/harbor/**")
        assert watching.said == []
        assert watching.foreign == []
    assert totp.confirmed_device(user) is None


def sign_out(page: Page, address: str) -> None:
    """By the button of the page where a practice is chosen."""
    page.goto(f"{address}/practices/")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{address}/signin/?why=signed_out")
