"""On a phone, in both languages: from the door by mail and birth date to the patient's page and out again."""

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser
from pytest_django.live_server_helper import LiveServer

from messaging.models import OutboxMessage
from messaging.outbox.contexts import read_context
from patients.models import Patient, PortalSession
from portal import tasks
from prm.tenancy import use_practice
from tests.portal.conftest import build_door
from tests.ui import harness

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

WORDS = {
    "en": {
        "send": "Send me my link", "field": "Your e-mail or mobile number", "sent": "Look at your messages",
        "ask": "What is your birth date?", "month": "Month", "day": "Day", "year": "Year", "continue": "Continue",
        "left": "You have 4 tries left", "own": "This is my own phone", "help": "Help", "devices": "Your devices",
        "home": "Home", "out": "Sign out", "bye": "You are signed out.",
    },
    "es": {
        "send": "Envíeme mi enlace", "field": "Su correo electrónico o celular", "sent": "Mire sus mensajes",
        "ask": "¿Cuál es su fecha de nacimiento?", "month": "Mes", "day": "Día", "year": "Año", "continue": "Seguir",
        "left": "Le quedan 4 intentos", "own": "Este teléfono es mío", "help": "Ayuda", "devices": "Sus aparatos",
        "home": "Inicio", "out": "Cerrar sesión", "bye": "Su sesión está cerrada.",
    },
}  # fmt: skip


@pytest.mark.parametrize("language", ["en", "es"])
def test_from_the_door_to_the_page_and_out(language: str, browser: Browser, live_server: LiveServer) -> None:
    door, words, found = build_door(language=language), WORDS[language], []
    locale = {"en": "en-US", "es": "es-US"}[language]
    with harness.watched(browser, live_server.url, viewport=harness.PHONE, locale=locale) as watching:
        page = watching.page

        def look() -> None:
            found.extend(harness.faults(watching, portal=True))
            page.set_viewport_size(harness.PHONE)

        page.goto(f"{live_server.url}/portal/{door.practice.public_id}/")
        look()
        page.get_by_role("link", name=words["send"]).click()
        page.get_by_label(words["field"]).fill("ruth@example.com")
        page.get_by_role("button", name=words["send"]).click()
        page.get_by_role("heading", name=words["sent"]).wait_for()
        look()

        tasks.answer_link_requests()
        with use_practice(door.practice.pk):
            link = urlsplit(read_context(OutboxMessage.objects.get())["fields"]["links.portal"]).path
        page.goto(live_server.url + link)
        page.get_by_role("heading", name=words["ask"]).wait_for()
        for day in ("6", "5"):
            page.get_by_label(words["month"], exact=True).fill("3")
            page.get_by_label(words["day"], exact=True).fill(day)
            page.get_by_label(words["year"], exact=True).fill("1955")
            page.get_by_label(words["own"]).check()
            page.get_by_role("button", name=words["continue"]).click()
            if day == "6":
                page.get_by_role("alert").get_by_text(words["left"]).wait_for()
                assert page.get_by_label(words["month"], exact=True).input_value() == "3"
                look()
        page.wait_for_url(f"{live_server.url}/portal/")
        assert "Ruth" in page.get_by_role("heading", level=1).inner_text()
        look()
        page.get_by_role("link", name=words["help"]).click()
        page.get_by_role("heading", name=words["devices"]).wait_for()
        look()
        page.get_by_role("link", name=words["home"]).click()
        page.get_by_role("button", name=words["out"]).click()
        page.get_by_text(words["bye"]).wait_for()
        look()
        assert page.context.cookies(f"{live_server.url}/portal/") == [
            cookie for cookie in page.context.cookies() if cookie["name"] != "prm_portal"
        ]
        kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
        page.goto(f"{live_server.url}/portal/")
        assert "Ruth" not in page.content()
    assert found == []
    assert kept == "[{},{}]"
    with use_practice(door.practice.pk):
        assert Patient.objects.get().language == language
        assert [(one.own_device, one.ended_why) for one in PortalSession.objects.all()] == [(True, "signed_out")]
