"""U3: what a first visit loads over the wire (gzip), with and without the fonts."""

import gzip
import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

from prm.dev import pages
from tests.ui import world

KB = 1024
pytestmark = pytest.mark.django_db(transaction=True)


def loaded(html: str) -> set[Path]:
    """The files that a page names, and those that its modules import."""
    named = set(re.findall(r'(?:href|src)="/static/([^"]+\.(?:css|js|woff2|svg))"', html))
    files = {Path(finders.find(name)) for name in named}
    for module in list(files):
        if module.suffix == ".js":
            imports = re.findall(r'^import .*"\./([\w-]+\.js)"', module.read_text(encoding="utf-8"), flags=re.MULTILINE)
            files |= {module.with_name(name) for name in imports}
    return files


def weight(html: str, *, fonts: bool) -> float:
    """KB over the wire; fonts are compressed already."""
    total = len(gzip.compress(html.encode()))
    for path in loaded(html):
        if path.suffix != ".woff2":
            total += len(gzip.compress(path.read_bytes()))
        elif fonts:
            total += path.stat().st_size
    return total / KB


LIGHT = {pages.PORTAL: (50, 100), pages.PATIENT: (50, 100), pages.OPEN: (150, 200), pages.STAFF: (150, 200)}
PAGES = ("survey", "portal_home", "portal_door", "signin", "today", "inbox")


def test_u3_first_pages_are_light() -> None:
    practice, owner = world.build()
    visits = {visit.name: visit for visit in pages.visits(practice)}

    heavy = {}
    for name in PAGES:
        client = Client()
        for cookie in pages.cookies(visits[name].side, owner, "http://testserver"):
            client.cookies[cookie["name"]] = cookie["value"]
        answer = client.get(visits[name].path)
        assert (answer.status_code, "prm.css" in answer.text) == (200, True), name
        plain, whole = weight(answer.text, fonts=False), weight(answer.text, fonts=True)
        assert plain < whole, name
        most_plain, most = LIGHT[visits[name].side]
        if plain > most_plain or whole > most:
            heavy[name] = (plain, whole)
    assert heavy == {}
