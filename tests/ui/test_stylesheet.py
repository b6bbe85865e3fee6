"""U9, the share of the stylesheet: after the tokens only semantic tokens; what it names is there."""

import re

from django.conf import settings

from tests.ui import stylesheet


def after_tokens() -> str:
    css = stylesheet.text()
    return css[css.index("@layer base {") :]


def test_no_raw_colour_after_the_tokens_layer() -> None:
    raw = re.findall(r"var\(--(?:stone|pine|brick|amber|iris)-\d+\)|#[0-9a-fA-F]{3,8}\b|rgb\(|oklch\(", after_tokens())

    assert raw == []


def test_every_token_used_is_defined() -> None:
    css = stylesheet.text()

    used, defined = set(re.findall(r"var\(--([\w-]+)", css)), set(re.findall(r"--([\w-]+):", css))

    assert used - defined == set()


def test_nothing_is_forced_or_loaded_from_elsewhere() -> None:
    css = after_tokens()

    assert re.findall(r"https?:|@import|expression\(", css) == []


def test_static_error_pages_name_only_files_that_exist() -> None:
    for page in ("500.html", "503.html"):
        source = (settings.BASE_DIR / "templates" / page).read_text(encoding="utf-8")
        named = re.findall(r'(?:href|src)="/static/([^"]+)"', source)
        assert named
        assert [name for name in named if not (settings.BASE_DIR / "static" / name).exists()] == []
        assert "{%" not in source
        assert "{{" not in source
