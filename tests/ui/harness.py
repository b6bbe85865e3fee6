"""Visits pages of a live server in headless Chromium and says what is wrong with them (ui.md section 10)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

from prm.dev import browser as chromium

DESK, PHONE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}, {"width": 320, "height": 700}
PORTAL_TARGET = 44  # px; the staff's 24 px (WCAG 2.5.8, with its exceptions) are a rule of axe

SMALL_TARGETS = """least => {
    const words = e => e.innerText.trim();
    const inSentence = e => e.tagName === 'A' && e.closest('p') && words(e.closest('p')) !== words(e);
    return [...document.querySelectorAll('a, button, input:not([type=hidden]), select, textarea, summary')]
        .filter(e => !e.matches('.skip') && !inSentence(e))
        .map(e => [e, (e.closest('label') ?? e).getBoundingClientRect()])
        .filter(([e, box]) => box.width && (box.height < least - 0.5 || box.width < least - 0.5))
        .map(([e, box]) => `${Math.round(box.width)}x${Math.round(box.height)} ${e.outerHTML.slice(0, 90)}`);
}"""
OVERFLOW = "() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
INLINE = """() => [...document.querySelectorAll('*')].flatMap(e => [...e.attributes]
    .filter(a => a.name === 'style' && !e.closest('.tip') || a.name.startsWith('on') || /^javascript:/.test(a.value))
    .map(a => `${e.tagName} ${a.name}=${a.value.slice(0, 60)}`))
    .concat([...document.querySelectorAll('style, script:not([src])')].map(e => e.outerHTML.slice(0, 60)))"""


@dataclass
class Watched:
    """A page and what it said: console errors (the browser's line for an intended 4xx aside) and foreign requests."""

    page: Page
    address: str
    said: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def heard(self, message: ConsoleMessage) -> None:
        """Keep an error or a warning of the page."""
        if message.type in {"error", "warning"} and "Failed to load resource" not in message.text:
            self.said.append(message.text)

    def asked(self, request: Request) -> None:
        """Keep a request to another host."""
        if urlsplit(request.url).netloc not in {urlsplit(self.address).netloc, ""}:
            self.foreign.append(request.url)


@contextmanager
def watched(browser: Browser, address: str, *, cookies: list[dict] = (), **options: object) -> Iterator[Watched]:
    """A fresh browser profile with one page and these cookies (prm.dev.browser makes those of a signed-in person)."""
    context: BrowserContext = browser.new_context(**{"viewport": DESK, "reduced_motion": "reduce", **options})
    context.add_cookies(list(cookies))
    page = context.new_page()
    watching = Watched(page, address)
    page.on("console", watching.heard)
    page.on("pageerror", lambda error: watching.said.append(str(error)))
    page.on("request", watching.asked)
    try:
        yield watching
    finally:
        context.close()


def problems(watching: Watched, path: str, *, portal: bool) -> list[str]:
    """Everything wrong with the page at `path`; empty where the address does not answer GET with a page."""
    page = watching.page
    response = page.request.get(watching.address + path, max_redirects=0)
    if response.status == 405 or not response.headers.get("content-type", "").startswith("text/html"):
        return []
    if response.status != 200:
        return [f"answers {response.status} {response.headers.get('location', '')}"]
    page.goto(watching.address + path, wait_until="load")
    page.wait_for_load_state("networkidle")
    return faults(watching, portal=portal)


def faults(watching: Watched, *, portal: bool) -> list[str]:
    """What is wrong with the page that is open: axe at both widths, inline code, small targets, overflow, noise."""
    page = watching.page
    page.set_viewport_size(DESK)
    found = [f"1440 px: {line}" for line in chromium.accessibility_problems(page)]
    found += [f"inline: {line}" for line in page.evaluate(INLINE)]
    page.set_viewport_size(PHONE)
    found += [f"390 px: {line}" for line in chromium.accessibility_problems(page)]
    if portal:
        found += [f"small: {line}" for line in page.evaluate(SMALL_TARGETS, PORTAL_TARGET)]
    page.set_viewport_size(NARROW)
    wide, shown = page.evaluate(OVERFLOW)
    if wide > shown:
        found.append(f"320 px: the page is {wide} px wide")
    return found + [f"console: {line}" for line in watching.said] + [f"foreign: {url}" for url in watching.foreign]
