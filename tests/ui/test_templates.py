"""Every template compiles and names icons that exist; no source carries inline style, script or handler (U9)."""

import re
from pathlib import Path

import lucide
import pytest
from django.conf import settings
from django.template.loader import get_template

NO_TEMPLATE = {"500.html", "503.html"}  # files without template logic
FOLDERS = [
    settings.BASE_DIR / "templates",
    *settings.BASE_DIR.glob("*/templates"),
    *settings.BASE_DIR.glob("*/*/*/templates"),
]
MAIL = ("/mail/", ".mjml", ".txt", "pdf")  # what leaves the site may carry its own style


def sources() -> list[tuple[Path, str]]:
    found = []
    for folder in FOLDERS:
        for path in sorted(folder.rglob("*.html")):
            if not any(word in str(path) for word in MAIL):
                found.append((path, str(path.relative_to(folder))))
    return found


@pytest.mark.parametrize(("path", "name"), [pytest.param(*pair, id=pair[1]) for pair in sources()])
def test_template_compiles_and_carries_nothing_inline(path: Path, name: str) -> None:
    source = path.read_text(encoding="utf-8")
    markup = re.sub(r"\{#.*?#\}|\{% comment %\}.*?\{% endcomment %\}", "", source, flags=re.DOTALL)

    if name not in NO_TEMPLATE:
        get_template(name)
    assert re.findall(r"\sstyle=|<style|\son[a-z]+=|javascript:|\shx-on", markup) == []
    assert re.findall(r"<script(?![^>]*\ssrc=)", markup) == []


@pytest.mark.parametrize(("path", "name"), [pytest.param(*pair, id=pair[1]) for pair in sources()])
def test_icons_named_in_a_template_exist(path: Path, name: str) -> None:
    named = set(re.findall(r'\{% icon "([^"]+)"', path.read_text(encoding="utf-8")))

    for icon in named:
        lucide._load_icon(icon)  # IconDoesNotExist names the typo
