"""What the reader's system asks for is kept: no motion, colours of its own; and what htmx may do (ui.md section 2)."""

import json
import re

import pytest
from django.test import Client
from playwright.sync_api import Browser
from pytest_django.live_server_helper import LiveServer

from prm.dev import pages
from tests.ui import harness, world

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

MOVING = """() => [
    ...document.getAnimations().map(one => one.animationName ?? one.transitionProperty),
    ...[...document.querySelectorAll('*')].flatMap(e => [e, '::before', '::after'].map(part => {
        const style = part === e ? getComputedStyle(e) : getComputedStyle(e, part);
        const times = `${style.transitionDuration},${style.animationName === 'none' ? '0s' : style.animationDuration}`;
        return times.split(',').some(one => parseFloat(one) > 0.001) ? e.outerHTML.slice(0, 80) : '';
    })).filter(Boolean),
]"""
BORDERLESS = """() => [...document.querySelectorAll('main .card, main .btn, main .badge, main .score, main .note')]
    .filter(e => e.checkVisibility())
    .filter(e => { const s = getComputedStyle(e); return s.borderTopStyle === 'none' || s.borderTopWidth === '0px'; })
    .map(e => e.outerHTML.slice(0, 80))"""
BUSY = "() => { for (const b of document.querySelectorAll('.btn')) b.setAttribute('aria-busy', 'true'); }"
PAGES = ("signin", "today", "inbox", "portal_home", "survey")


@pytest.mark.parametrize(
    ("options", "look", "before"),
    [({"reduced_motion": "reduce"}, MOVING, BUSY), ({"forced_colors": "active"}, BORDERLESS, "() => {}")],
    ids=["no motion", "forced colours"],
)
def test_what_the_system_asks_for_is_kept(options, look, before, browser: Browser, live_server: LiveServer) -> None:
    practice, owner = world.build()
    visits = {visit.name: visit for visit in pages.visits(practice)}
    found, control = {}, 0
    for name in PAGES:
        cookies = pages.cookies(visits[name].side, owner, live_server.url)
        for asked in (options, {"reduced_motion": "no-preference", "forced_colors": "none"}):
            with harness.watched(browser, live_server.url, cookies=cookies, **asked) as watching:
                page = watching.page
                page.goto(live_server.url + visits[name].path, wait_until="networkidle")
                page.evaluate(before)
                wrong = page.evaluate(look)
            if asked is options and wrong:
                found[name] = wrong[:4]
            elif asked is not options:
                control += len(wrong)
    assert found == {}
    assert control > 0, "without the wish there is something to find"


def test_htmx_keeps_nothing_evaluates_nothing_and_swaps_what_a_form_answers() -> None:
    config = json.loads(
        re.search(r'name="htmx-config" content="([^"]*)"', Client().get("/signin/").text)[1].replace("&quot;", '"')
    )
    assert config == {
        "includeIndicatorStyles": False, "allowEval": False, "allowScriptTags": False, "selfRequestsOnly": True,
        "historyCacheSize": 0, "refreshOnHistoryMiss": True, "attributesToSettle": ["class"],
        "responseHandling": [
            {"code": "204", "swap": False}, {"code": "[23]..", "swap": True},
            {"code": "403|409|422", "swap": True, "error": False}, {"code": "[45]..", "swap": False, "error": True},
        ],
    }  # fmt: skip
