"""Reads static/prm.css: its layers, its tokens in both themes, and the contrast of two of them."""

import re
from functools import cache

from django.conf import settings


@cache
def text() -> str:
    """The stylesheet without its comments."""
    css = (settings.BASE_DIR / "static" / "prm.css").read_text(encoding="utf-8")
    return re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)


def block(start: str) -> dict[str, str]:
    """The custom properties of the rule that begins with `start`."""
    at = text().index(start) + len(start)
    return dict(re.findall(r"--([\w-]+):\s*([^;]+);", text()[at : text().index("}", at)]))


def themes() -> dict[str, dict[str, str]]:
    """All tokens of the light and of the dark theme."""
    light = block(":root {")
    return {"light": light, "dark": {**light, **block(":root[data-theme=dark] {")}}


def colour(tokens: dict[str, str], name: str) -> str:
    """The hex value of a token, through every `var()`."""
    value = tokens[name].strip()
    while reference := re.fullmatch(r"var\(--([\w-]+)\)", value):
        value = tokens[reference[1]].strip()
    return value


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two hex colours (WCAG 2.2, relative luminance)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(hex_colour: str) -> float:
    digits = hex_colour.lstrip("#")
    channels = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
