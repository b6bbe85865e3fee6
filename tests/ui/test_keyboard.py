"""Palette and keys in a browser, by keyboard alone; the focus is never lost to the body (ui.md sections 5 and 10)."""

import pytest

from accounts.models import User
from prm.dev import browser as chromium
from prm.tenancy import use_practice
from tests.dashboard.conftest import make_desk
from tests.factories.patients import PatientFactory
from tests.ui import harness

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FOCUS = "() => document.activeElement.tagName + ' ' + (document.activeElement.id || document.activeElement.className)"


@pytest.fixture
def desk():
    made = make_desk()
    with use_practice(made.practice.pk):
        PatientFactory(first_name="Walter", last_name="Nye", search_name="nye walter")
    return made


def opened(browser, live_server, desk, path, **options):
    cookies = [chromium.signed_in(desk.people.owner.user, live_server.url)]
    watching = harness.watched(browser, live_server.url, cookies=cookies, **options)
    return watching, f"{live_server.url}/{desk.practice.slug}/{path}"


def test_the_palette_finds_a_patient_and_gives_the_focus_back(browser, live_server, desk):
    entering, url = opened(browser, live_server, desk, "")
    with entering as watching:
        page = watching.page
        page.goto(url, wait_until="networkidle")
        page.locator("a.find").focus()
        page.keyboard.press("Control+k")
        field = page.get_by_role("combobox")
        page.locator("#palette").get_by_role("option").first.wait_for()
        page.keyboard.press("Escape")
        assert page.evaluate(FOCUS) == "A find"

        page.keyboard.press("Control+k")
        page.keyboard.type("nye")
        page.locator("#palette").get_by_role("option", name="Walter Nye").wait_for()
        assert field.get_attribute("aria-activedescendant") == "found-1-1"
        assert chromium.accessibility_problems(page) == []
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowUp")
        assert page.locator("[aria-selected=true]").inner_text().startswith("Walter Nye")
        page.keyboard.press("Enter")
        page.wait_for_url("**/patients/*-*/")
        assert page.get_by_role("heading", level=1).inner_text() == "Walter Nye"

        page.keyboard.press("Control+k")  # what is open offers its tabs, and was seen lately
        page.locator("#palette").get_by_role("option", name="Walter Nye").wait_for()
        page.keyboard.type("episodes")
        page.locator("#palette").get_by_role("option", name="Episodes").wait_for()
        page.keyboard.press("Enter")
        page.wait_for_url("**/episodes/")
        stored = page.evaluate("() => JSON.stringify([{...localStorage}, {...sessionStorage}])")
        assert "Nye" not in stored
        assert (watching.said, watching.foreign) == ([], [])


def test_keys_go_to_pages_move_in_lists_and_rest_while_typing(browser, live_server, desk):
    entering, url = opened(browser, live_server, desk, "")
    with entering as watching:
        page = watching.page
        page.goto(url, wait_until="networkidle")
        page.keyboard.press("?")
        page.get_by_role("dialog", name="Keyboard shortcuts").wait_for()
        assert chromium.accessibility_problems(page) == []
        page.keyboard.press("Escape")

        page.keyboard.press("g")
        page.keyboard.press("p")
        page.wait_for_url("**/patients/")
        page.keyboard.press("/")
        page.keyboard.type("jigs ?")  # letters, not commands
        assert page.locator("#q").input_value() == "jigs ?"
        page.goto(f"{url}patients/?view=everyone", wait_until="networkidle")
        page.keyboard.press("j")
        page.keyboard.press("j")
        names = page.locator("a.name").all_inner_texts()
        assert page.evaluate("() => document.activeElement.textContent") == names[1]
        page.keyboard.press("k")
        page.keyboard.press("Enter")
        page.wait_for_url("**/patients/*-*/")
        assert page.get_by_role("heading", level=1).inner_text() == names[0]

        page.keyboard.press("g")
        page.keyboard.press("i")
        page.wait_for_url("**/inbox/")
        page.goto(f"{url}inbox/?view=open", wait_until="networkidle")
        page.keyboard.press("Control+k")  # an act of the item that is open, from the palette
        page.locator("#palette").get_by_role("option").first.wait_for()
        page.keyboard.type("log contact")
        page.locator("#palette").get_by_role("option", name="Log contact").wait_for()
        page.keyboard.press("Enter")
        page.locator("details#contact[open]").wait_for()
        assert page.evaluate("() => document.getElementById('contact').contains(document.activeElement)")
        page.get_by_label("Left word").check()
        page.keyboard.press("Control+Enter")
        page.get_by_text("Phone: left word").wait_for()
        assert (watching.said, watching.foreign) == ([], [])


def test_single_keys_can_be_turned_off(browser, live_server, desk):
    User.objects.filter(pk=desk.people.owner.user.pk).update(shortcuts=False)
    entering, url = opened(browser, live_server, desk, "patients/?view=everyone")
    with entering as watching:
        page = watching.page
        page.goto(url, wait_until="networkidle")
        for key in ("?", "j", "/", "g", "i"):
            page.keyboard.press(key)
        assert page.evaluate(FOCUS).startswith("BODY")
        assert page.locator("dialog[open]").count() == 0
        page.keyboard.press("Control+k")
        page.locator("#palette").get_by_role("option").first.wait_for()


def test_the_palette_fits_a_phone(browser, live_server, desk):
    entering, url = opened(browser, live_server, desk, "", viewport=harness.PHONE)
    with entering as watching:
        page = watching.page
        page.goto(url, wait_until="networkidle")
        page.get_by_role("button", name="More").click()
        page.locator("#more-menu [data-palette]").click()
        page.locator("#palette").get_by_role("option").first.wait_for()
        assert chromium.accessibility_problems(page) == []
        box = page.locator("#palette").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= harness.PHONE["width"]


def test_an_item_is_taken_by_a_and_a_resolution_taken_back_by_z(browser, live_server, desk):
    entering, url = opened(browser, live_server, desk, f"inbox/{desk.item.pk}/")
    with entering as watching:
        page = watching.page
        page.goto(url, wait_until="networkidle")
        page.keyboard.press("a")
        page.locator("#split .acts .btn.quiet").get_by_text(desk.people.owner.user.short_name).wait_for()
        assert desk.fresh()[1].owner_id == desk.people.owner.pk
        page.keyboard.press("e")
        page.get_by_label("What caused it").select_option("communication")
        page.get_by_label("Apologized").check()
        page.keyboard.press("Control+Enter")
        page.get_by_role("button", name="Undo").wait_for()
        assert desk.fresh()[1].state == "done"
        page.evaluate("() => document.activeElement.blur()")
        page.keyboard.press("z")
        page.get_by_text("The case is open again").wait_for()
        assert desk.fresh()[1].state == "open"
        assert (watching.said, watching.foreign) == ([], [])
