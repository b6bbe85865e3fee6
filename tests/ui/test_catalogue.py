"""U10, its first half: every string that a patient may read exists in Spanish, and says the same placeholders."""

import re
from pathlib import Path

import pytest

from prm.ui import catalogue


def test_every_string_of_the_patients_pages_has_spanish() -> None:
    assert catalogue.missing(catalogue.read()) == {}


def test_placeholders_are_the_same_in_both_languages() -> None:
    differing = [
        message.id
        for message in catalogue.read()
        if message.id
        and any(
            set(re.findall(r"%\(\w+\)[sd]", str(message.id))) != set(re.findall(r"%\(\w+\)[sd]", text))
            for text in ([message.string] if isinstance(message.string, str) else message.string)
        )
    ]

    assert differing == []


def test_strings_are_found_in_templates_and_modules(tmp_path: Path, settings: pytest.FixtureRequest) -> None:
    settings.BASE_DIR = tmp_path
    (tmp_path / "page.html").write_text(
        '<p>{% translate "Hello" %}</p>{% blocktranslate count n=n %}One{% plural %}{{ n }} many{% endblocktranslate %}'
    )
    (tmp_path / "page.py").write_text('_("Good morning")\nngettext("a visit", "%d visits", n)\n')

    found = {
        message for name in ("page.html", "page.py") for message, _context, _where in catalogue.strings(tmp_path / name)
    }

    assert found == {"Hello", ("One", "%(n)s many"), "Good morning", ("a visit", "%d visits")}
