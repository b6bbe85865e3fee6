"""The frame of every e-mail: our generator writes MJML around the blocks, the engine makes HTML of it, once a version.

Fonts are the reader's own (`fonts={}`: the engine's default links a web font host into every mail). The engine drops
unknown tags silently, so blocks are checked before (`blocks.check`).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from messaging.compose import blocks
from messaging.compose.blocks import CANVAS, INK, INK_3, SURFACE, words

LARGEST = 60_000  # bytes of ours; Gmail clips a mail at 102 kB
FONTS = "Figtree, -apple-system, 'Segoe UI', Arial, sans-serif"

# Dark: the card, its words, the score boxes, the frame around it. Outlook's app marks what it changes with data-ogsc.
DARK = {
    "body, .canvas": "background: #12100e !important;",
    ".bg, .bg table, .bg td": "background: #1b1916 !important;",
    ".bg div, .bg a.plain, .bg td.ends, .mark div": "color: #f3f0eb !important;",
    ".bg .do td, .bg .do a": "background: #59ae95 !important; color: #08211a !important;",
    ".bg a.n": "background: #24211d !important; color: #f3f0eb !important; border-color: #817d75 !important;",
    ".foot div, .foot a": "color: #a9a49c !important;",
}

WORDS = {
    "en": {
        "why": "You get this because you are a patient at {{ practice.name }}",
        "questions": "Questions? Call",
        "other": "En español",
        "stop": "Stop these messages",
    },
    "es": {
        "why": "Recibe este mensaje porque es paciente de {{ practice.name }}",
        "questions": "¿Preguntas? Llame al",
        "other": "In English",
        "stop": "No quiero más mensajes como este",
    },
}

# The logo on white paper in both themes; whoever does not load pictures reads the name in its place.
MARK = (
    '{% if practice.logo %}<img src="{{ practice.logo }}" alt="{{ practice.name }}" height="40" style="height:40px;'
    'max-width:240px;border:0;background:#ffffff;border-radius:6px;padding:4px">'
    "{% else %}{{ practice.name }}{% endif %}"
)


class TooLarge(ValueError):
    """The compiled mail is larger than mail programs show; the text says how large."""


def compile_html(wording: Mapping[str, Any], language: str) -> str:
    """The HTML of one language's wording, Liquid tags kept. BrokenBlock, TooLarge."""
    from mjml import mjml2html  # noqa: PLC0415  (no web worker needs it: tests/prm/test_footprint.py)

    html = mjml2html(document(wording, language), fonts={})
    html = html.replace('lang="und"', f'lang="{language}"', 1)
    html = re.sub(r">\s+<", "> <", html)
    if (size := len(html.encode())) > LARGEST:
        raise TooLarge(f"the mail has {size:,} bytes, expected at most {LARGEST:,}")
    return html


def document(wording: Mapping[str, Any], language: str) -> str:
    """The MJML of one language's wording."""
    body = "".join(blocks.check(block).mjml(block) for block in wording["blocks"])
    return f"""<mjml><mj-head>
<mj-title>{words(wording["subject"])}</mj-title><mj-preview>{words(wording.get("preheader", ""))}</mj-preview>
<mj-attributes><mj-all font-family="{FONTS}" />
<mj-text font-size="17px" line-height="26px" color="{INK}" padding="0 0 16px" /></mj-attributes>
<mj-style>{_dark_style()}</mj-style>
<mj-raw><meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark"></mj-raw>
</mj-head><mj-body width="600px" background-color="{CANVAS}" css-class="canvas">
<mj-section css-class="mark" padding="28px 32px 12px"><mj-column>
<mj-text padding="0" font-size="16px" font-weight="600" color="{{{{ practice.colour }}}}">{MARK}
</mj-text></mj-column></mj-section>
<mj-section css-class="bg" background-color="{SURFACE}" border-radius="16px 16px 0 0" padding="16px 32px">
<mj-column><mj-spacer height="1px" /></mj-column></mj-section>
{body}
<mj-section css-class="bg" background-color="{SURFACE}" border-radius="0 0 16px 16px" padding="8px 32px">
<mj-column><mj-spacer height="1px" /></mj-column></mj-section>
{_footer(wording, language)}
</mj-body></mjml>"""


def compile_plain(wording: Mapping[str, Any], language: str) -> str:
    """The plain-text twin, made of the blocks, Liquid tags kept."""
    say = WORDS[language]
    parts = [text for block in wording["blocks"] if (text := blocks.plain(block))]
    parts.append("--\n" + _why(wording, say))
    if link := wording.get("other_language_link"):
        parts.append(f"{say['other']}: {{{{ {link} }}}}?lang={_other(language)}")
    unsubscribe = f"{{% if links.unsubscribe %}}\n\n{say['stop']}: {{{{ links.unsubscribe }}}}{{% endif %}}"
    return "\n\n".join(parts) + unsubscribe + "\n"


def _footer(wording: Mapping[str, Any], language: str) -> str:
    """Always last, cannot be left out: practice, postal address, why you get this, how to stop it."""
    say, small = WORDS[language], f'font-size="14px" line-height="21px" color="{INK_3}"'
    links = []
    if link := wording.get("other_language_link"):
        links.append(_small_link(f"{{{{ {link} }}}}?lang={_other(language)}", say["other"]))
    stop = _small_link("{{ links.unsubscribe }}", say["stop"])
    between = " &nbsp;·&nbsp; " if links else ""
    links.append(f"{{% if links.unsubscribe %}}{between}{stop}{{% endif %}}")
    return (
        '<mj-section css-class="foot" padding="24px 32px 40px"><mj-column>'
        f'<mj-text {small} padding="0 0 8px">{_why(wording, say)}</mj-text>'
        f'<mj-text {small} padding="0">{"".join(links)}</mj-text></mj-column></mj-section>'
    )


def _why(wording: Mapping[str, Any], say: Mapping[str, str]) -> str:
    return (
        wording.get("why", say["why"]) + "{% if practice.address %}, {{ practice.address }}{% endif %}."
        "{% if practice.phone %} " + say["questions"] + " {{ practice.phone }}.{% endif %}"
    )


def _small_link(target: str, label: str) -> str:
    return f'<a href="{target}" style="color:{INK_3}">{words(label)}</a>'


def _other(language: str) -> str:
    return "en" if language == "es" else "es"


def _dark_style() -> str:
    def prefixed(selector: str) -> str:
        return ", ".join(f"[data-ogsc] {one.strip()}" for one in selector.split(","))

    dark = " ".join(f"{selector} {{ {rule} }}" for selector, rule in DARK.items())
    outlook = " ".join(f"{prefixed(selector)} {{ {rule} }}" for selector, rule in DARK.items())
    return f":root {{ color-scheme: light dark; }} @media (prefers-color-scheme: dark) {{ {dark} }} {outlook}"


def shown_languages(languages: Sequence[str]) -> list[str]:
    """Those of a practice's languages that mails are written in; English where it names none."""
    return [language for language in languages if language in WORDS] or ["en"]
