"""U3: what a first visit loads over the wire (gzip), with and without the fonts."""

import gzip
import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

from prm.dev import pages
from tests.factories.accounts import sign_in
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


def test_patients_first_page_is_light() -> None:
    practice, _owner = world.build()
    survey = next(visit for visit in pages.visits(practice) if visit.name == "survey")

    html = Client().get(survey.path).content.decode()

    assert weight(html, fonts=False) <= 50
    assert weight(html, fonts=True) <= 100


def test_staff_first_page_is_light() -> None:
    practice, owner = world.build()
    client = Client()
    sign_in(client, owner)
    inbox = next(visit for visit in pages.visits(practice) if visit.name == "inbox")

    html = client.get(inbox.path).content.decode()

    assert "Waited 40 minutes" in html
    assert weight(html, fonts=False) <= 150
    assert weight(html, fonts=True) <= 200
