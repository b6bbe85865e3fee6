"""A practice's first day, as its owner lives it: from the sign-up page to the first survey in a patient's mailbox.

The browser does what a person does; between its steps the test does the workers' part (mail, rules, deliveries), so
that nothing waits for a clock. axe looks at the pages on the way; the passkey is a virtual authenticator's.
"""

import base64
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django_otp.oath import totp
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import Practice, User
from campaigns import evaluate
from messaging.channels.preview.send import mailbox
from messaging.models import OutboxMessage
from messaging.outbox import deliver
from messaging.staff_mail import deliver as staff_delivery
from nps.models import SurveyInvitation
from prm import clock
from prm.dev import browser as chromium
from prm.dev.smoke import messages
from prm.tenancy import use_practice
from tests.ui import harness

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

OWNER, PASSWORD = "noa@cove.example", "seven quiet rivers"
PATIENT = "ruth@cove.example.com"
PATIENCE = 20_000  # ms; a busy machine


@pytest.fixture
def address(live_server: LiveServer, settings: Any) -> str:
    """Where the site is; links in mails lead there."""
    settings.SITE_URL = live_server.url
    for old in mailbox().glob("*.json"):
        old.unlink()
    return live_server.url


def test_first_day_from_sign_up_to_the_first_sent_survey(browser: Browser, address: str, tmp_path: Path) -> None:
    with harness.watched(browser, address) as watching:
        page = watching.page
        page.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        sign_up(page, address)
        confirm(page, address)
        set_up_factors(page)
        first_look(page, address)
        add_passkey_and_sign_in_with_it(page, address)
        put_off(page, address, "Practice and agreement", "Clinics", "People")
        choose_consent(page, address)
        discharge = connect(page, address, tmp_path)
        state_opt_outs(page, address)
        turn_on_a_rule(page, address)
        survey_to_myself(page, address)
        first_survey(discharge)
        done(page, address)
    assert watching.said == []
    assert watching.foreign == []


def sign_up(page: Page, address: str) -> None:
    """The form with the agreement; nothing exists yet afterwards."""
    page.goto(f"{address}/signin/")
    page.get_by_role("link", name="Start a practice here").click()
    page.get_by_label("Name of the practice").fill("Cove Physical Therapy")
    page.get_by_label("Time zone").select_option("America/Chicago")
    page.get_by_label("Your name").fill("Noa Newcomer")
    page.get_by_label("Your work e-mail").fill(OWNER)
    assert chromium.accessibility_problems(page) == []
    page.get_by_role("button", name="Create practice").click()
    expect(page.get_by_role("alert")).to_contain_text("Tick this to sign the agreement")
    page.get_by_label("I have read the agreement").check()
    page.get_by_role("button", name="Create practice").click()
    expect(page.get_by_role("heading", name="Open your mail")).to_be_visible()
    assert Practice.objects.count() == 0


def confirm(page: Page, address: str) -> None:
    """The link from the mailbox, a password."""
    staff_delivery.deliver_due()
    read(page, address, OWNER, "/signup/")
    expect(page.get_by_label("Address of your pages")).to_have_value("cove-physical-therapy")
    page.get_by_label("Address of your pages").fill("cove")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create practice").click()


def set_up_factors(page: Page) -> None:
    """The authenticator app by its key in text, the recovery codes."""
    expect(page.get_by_role("heading", name="Set up your second step")).to_be_visible()
    key = page.locator("code").inner_text().replace(" ", "")
    secret = base64.b32decode(key + "=" * (-len(key) % 8))
    page.get_by_label("6-digit code").fill(f"{totp(secret):06d}")
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    page.get_by_label("I have printed or saved them").check()
    page.get_by_role("button", name="Continue").click()


def first_look(page: Page, address: str) -> None:
    """The checklist, empty but for what sign-up has done, and its twin on Today."""
    page.wait_for_url(re.compile(r"/cove/start/"))
    expect(page.get_by_role("heading", name="Set up Cove Physical Therapy")).to_be_visible()
    assert current(page) == "Practice and agreement"
    assert chromium.accessibility_problems(page) == []
    page.goto(f"{address}/cove/")
    expect(page.get_by_text("Setting up: 0 of 9 done")).to_be_visible()


def add_passkey_and_sign_in_with_it(page: Page, address: str) -> None:
    """A passkey in My sign-in, then the next sign-in by nothing else."""
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    page.goto(f"{address}/cove/settings/my-sign-in/")
    page.get_by_label("Name of the passkey").fill("Laptop")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_text("Passkey, added")).to_be_visible()
    page.get_by_role("button", name=re.compile("Noa")).first.click()
    page.get_by_role("button", name="Sign out").first.click()
    page.wait_for_url("**/signin/**")
    page.get_by_role("button", name=re.compile("passkey", re.IGNORECASE)).click()
    page.wait_for_url("**/cove/**")
    assert User.objects.get().email == OWNER


def put_off(page: Page, address: str, *titles: str) -> None:
    """“Later” for steps whose pages have journeys of their own."""
    page.goto(f"{address}/cove/start/")
    for title in titles:
        assert current(page) == title
        page.get_by_role("button", name="Do it later").click()
        page.wait_for_load_state()


def choose_consent(page: Page, address: str) -> None:
    """What it means that a patient gives an e-mail address."""
    page.goto(f"{address}/cove/start/")
    assert current(page) == "Consent"
    page.get_by_role("link", name="Choose", exact=True).click()
    page.get_by_label("A patient who gives us an e-mail address may be written to about care").check()
    page.get_by_role("button", name="Save the choice for e-mail").click()
    page.wait_for_load_state()


def connect(page: Page, address: str, folder: Path) -> datetime:
    """A feed by HL7 v2, live, and a file with a discharge of just now; returns its moment."""
    page.goto(f"{address}/cove/start/")
    assert current(page) == "Connect your EMR"
    page.get_by_role("link", name="Connect", exact=True).click()
    page.get_by_role("link", name="Add a feed").first.click()
    page.get_by_label("EMR and format").select_option("hl7v2:generic")
    page.locator("[name=name]").fill("Visits")
    page.get_by_label("A discharge message (A03) means").select_option("episode")
    page.get_by_role("button", name="Add the feed").click()
    page.get_by_role("button", name="Go live").click()
    expect(page.get_by_text("Live since")).to_be_visible()

    page.goto(f"{address}/cove/start/")
    assert current(page) == "Bring in patients"
    ended = clock.now() - timedelta(minutes=1)
    file = folder / "discharges.hl7"
    file.write_bytes(
        messages.own(
            1, first="Ruth", last="Abara", email=PATIENT, opened=ended - timedelta(days=30), ended=ended, language="en"
        )
    )
    page.get_by_role("link", name="Choose a file", exact=True).click()
    page.get_by_role("link", name="Visits", exact=True).click()
    page.set_input_files("input[type=file]", file)
    page.get_by_role("button", name="Take it in").click()
    expect(page.get_by_text("What became of them")).to_be_visible()
    assert "Applied 1" in " ".join(page.inner_text("main").split())
    return ended


def state_opt_outs(page: Page, address: str) -> None:
    """There are none elsewhere."""
    page.goto(f"{address}/cove/start/")
    assert current(page) == "Opt-outs"
    page.get_by_role("button", name="There are none").click()
    expect(page.get_by_text("You said that there are none elsewhere")).to_be_visible()


def turn_on_a_rule(page: Page, address: str) -> None:
    """One hour after discharge, the survey by e-mail."""
    assert current(page) == "First rule"
    page.get_by_role("link", name="Write a rule", exact=True).click()
    page.goto(f"{address}/cove/campaigns/new/")
    page.locator("[name=name]").fill("After discharge")
    page.locator("[name=n]").fill("1")
    page.locator("[name=unit]").select_option("hours")
    page.get_by_role("button", name="Save draft").click()
    page.get_by_role("button", name="Turn rule on").click()
    page.wait_for_load_state()


def survey_to_myself(page: Page, address: str) -> None:
    """The last step: the mail comes to one's own mailbox, its page keeps nothing."""
    page.goto(f"{address}/cove/start/")
    assert current(page) == "First survey"
    page.get_by_role("button", name="Send to me").click()
    expect(page.get_by_text("Sent to yourself")).to_be_visible()
    deliver.deliver_due("email")
    phone = page.context.new_page()
    read(phone, address, OWNER, "/sample")
    expect(phone.get_by_text("Nothing that you send here is kept")).to_be_visible()
    phone.locator("label:has([name=score][value='9'])").click()
    phone.locator("button.primary").first.click()
    expect(phone.get_by_text("Your answer was not kept")).to_be_visible()
    phone.close()


def first_survey(discharge: datetime) -> None:
    """An hour after the discharge the rule decides, and the patient's mail leaves."""
    practice = Practice.objects.get()
    with clock.at(discharge + timedelta(hours=1, minutes=5)):
        complete = False
        while not complete:
            with use_practice(practice.pk):
                progress = evaluate.tick(at=clock.now())
            complete = progress is None or progress.complete
        deliver.deliver_due("email")
    with use_practice(practice.pk):
        sent = OutboxMessage.objects.exclude(patient=None)
        assert [(m.state, m.address) for m in sent] == [("sent", PATIENT)]
        assert SurveyInvitation.objects.count() == 1


def done(page: Page, address: str) -> None:
    """The patient has mail; of the checklist only what was put off is open."""
    page.goto(f"{address}/dev/mail/?to={PATIENT}")
    expect(page.get_by_role("listitem").filter(has_text=PATIENT)).to_have_count(1)
    page.goto(f"{address}/cove/start/")
    open_ones = page.locator(".setup > li:not([data-state=done]) h2")
    assert [text.removesuffix("Later").strip() for text in open_ones.all_inner_texts()] == [
        "Practice and agreement", "Clinics", "People",
    ]  # fmt: skip
    page.goto(f"{address}/cove/")
    expect(page.get_by_text("Setting up: 6 of 9 done")).to_be_visible()


def current(page: Page) -> str:
    """The title of the step that is next."""
    return page.locator(".setup > [aria-current=step] h2").inner_text()


def read(page: Page, address: str, to: str, part: str) -> None:
    """Open the newest mail to somebody and follow its link that contains `part`."""
    page.goto(f"{address}/dev/mail/?to={to}")
    page.get_by_role("listitem").filter(has_text=to).get_by_role("link").first.click()
    page.wait_for_load_state("networkidle")
    frame = next((frame for frame in page.frames if frame != page.main_frame), page.main_frame)
    href = frame.locator(f"a[href*='{part}']").first.get_attribute("href") or ""
    page.goto(href)
