"""Headless Chromium for browser tests, pictures and the smoke run: where it is, how it starts, who is signed in."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import axe_playwright_python
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from playwright.sync_api import Browser, Page, sync_playwright

from accounts import signin, totp
from accounts.models import User
from accounts.session_store import SessionStore
from prm import clock

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
]
HOW_TO_GET_IT = (
    "no Chromium found: `apt-get install chromium` (Debian), `brew install --cask chromium` (macOS), "
    "`.venv/bin/playwright install chromium`, or name one in PRM_CHROMIUM"
)
AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def executable() -> str | None:
    """The browser of PRM_CHROMIUM, of this machine, or of Playwright's own folder; None where there is none."""
    if named := os.environ.get("PRM_CHROMIUM"):
        return named
    if found := next((path for name in NAMES if (path := shutil.which(name))), None):
        return found
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running browser. RuntimeError says how to get one.

    Playwright keeps an event loop in this thread, in which Django would refuse its ORM; ours is used between its calls.
    """
    path = executable()
    if path is None:
        raise RuntimeError(HOW_TO_GET_IT)
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
            yield browser
            browser.close()
    finally:
        if before is None:
            del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


def signed_in(user: User, address: str) -> dict[str, str]:
    """The cookie at `address` of a person who gave both factors, made by the function that the pages use."""
    request = _request()
    device = totp.confirmed_device(user) or totp.new_device(user, confirmed=True)
    signin.finish(request, user, device, factors=["password", "totp"], now=clock.now())
    return _cookie(request, address)


def half_signed_in(user: User, address: str) -> dict[str, str]:
    """The cookie at `address` of a person who gave the password and owes the second factor."""
    request = _request()
    signin.password_given(request, user, next_path="", now=clock.now())
    return _cookie(request, address)


def _request() -> HttpRequest:
    request = HttpRequest()
    request.session, request.user = SessionStore(), AnonymousUser()
    return request


def _cookie(request: HttpRequest, address: str) -> dict[str, str]:
    request.session.save()
    return {"name": settings.SESSION_COOKIE_NAME, "value": str(request.session.session_key), "url": address}


def accessibility_problems(page: Page) -> list[str]:
    """What axe-core finds wrong on the page, a line per rule with its first place."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = page.evaluate("tags => axe.run({runOnly: tags})", AXE_TAGS)
    problems = [
        f"{rule['id']} ×{len(rule['nodes'])}: {rule['help']} at {rule['nodes'][0]['html'][:160]}"
        for rule in found["violations"]
    ]
    return problems + [f"text in the colour of its ground: {html[:160]}" for html in _invisible(found["incomplete"])]


def _invisible(unsure: list[dict[str, Any]]) -> list[str]:
    """Text in its background's own colour, of which axe is only "unsure"; busy buttons hide theirs on purpose."""
    return [
        node["html"]
        for rule in unsure
        if rule["id"] == "color-contrast"
        for node in rule["nodes"]
        if any((check.get("data") or {}).get("messageKey") == "equalRatio" for check in node["any"])
        and 'aria-busy="true"' not in node["html"]
    ]
