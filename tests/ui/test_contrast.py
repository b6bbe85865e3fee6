"""U8: every text and boundary colour pair in both themes (WCAG 2.2, 1.4.3 and 1.4.11)."""

import pytest

from tests.ui import stylesheet

TEXT, PART = 4.5, 3.0
PAIRS = {
    TEXT: {
        "ink": "canvas surface raised sunken hover selected",
        "ink-2": "canvas surface raised sunken hover selected",
        "ink-3": "canvas surface raised sunken hover",
        "accent-text": "canvas surface hover selected",
        "on-accent": "accent accent-hover",
        "good-text": "good-soft surface accent-soft",
        "warn-text": "warn-soft surface",
        "bad-text": "bad-soft surface canvas hover",
        "note-text": "note-soft surface",
        "on-toast": "toast toast-act",
        "on-gate": "gate",
    },
    PART: {
        "line-input": "surface canvas",
        "focus": "surface canvas sunken selected",
        "promoter": "surface",
        "accent": "surface canvas",
        "good": "surface canvas",
        "bad": "surface",
        "heat-3": "surface",
        "heat-4": "surface",
        "gate-mark": "gate",
        "chart-line": "surface",
        "chart-good": "surface",
        "chart-few": "surface",
        "chart-bad": "surface",
    },
}
CASES = [
    (theme, front, back, bar)
    for theme in ("light", "dark")
    for bar, pairs in PAIRS.items()
    for front, backs in pairs.items()
    for back in backs.split()
]


@pytest.mark.parametrize(("theme", "front", "back", "bar"), CASES)
def test_colour_pair_reaches_its_bar(theme: str, front: str, back: str, bar: float) -> None:
    tokens = stylesheet.themes()[theme]

    ratio = stylesheet.contrast(stylesheet.colour(tokens, front), stylesheet.colour(tokens, back))

    assert ratio >= bar


def test_both_dark_blocks_are_the_same() -> None:
    assert stylesheet.block(":root:not([data-theme=light]) {") == stylesheet.block(":root[data-theme=dark] {")


def test_contrast_of_black_on_white_is_21() -> None:
    assert stylesheet.contrast("#000000", "#ffffff") == pytest.approx(21)
