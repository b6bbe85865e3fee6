"""The blocks of an e-mail: each turns its data into MJML and into plain text. Upper apps register their own.

A block's texts are Liquid with merge fields; a block escapes them for HTML itself. `plain` in its data
says it otherwise in the text twin, `""` leaves it out there. What an unknown block or a broken
one says is refused when a version is made, never when it is sent.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import nh3

from messaging.compose.fields import LINKS, STAFF_LINK

INK, INK_2, INK_3, LINE, CANVAS, SURFACE = "#1b1916", "#48443f", "#635e58", "#817d75", "#f8f6f3", "#ffffff"
ALLOWED_TAGS = {"p", "br", "strong", "em", "a", "ul", "ol", "li"}


class BrokenBlock(ValueError):
    """A block that is unknown or lacks something; the text names block and field."""


@dataclass(frozen=True)
class Block:
    """`mjml`: columns or whole sections for the mail's body; `plain`: the same for the text twin."""

    name: str
    mjml: Callable[[Mapping[str, Any]], str]
    plain: Callable[[Mapping[str, Any]], str]
    needs: tuple[str, ...]


_blocks: dict[str, Block] = {}


def register_block(
    name: str,
    *,
    mjml: Callable[[Mapping[str, Any]], str],
    plain: Callable[[Mapping[str, Any]], str],
    needs: tuple[str, ...] = (),
) -> None:
    """Add a block type, from an AppConfig.ready(). `mjml` returns sections with css-class "bg" on a white ground.

    `needs`: fields that its data must have, all texts; those that begin with `link` hold names such as `links.survey`.
    ValueError where the name is taken.
    """
    if name in _blocks:
        raise ValueError(f"block {name!r} is registered twice")
    _blocks[name] = Block(name, mjml, plain, needs)


def check(block: Mapping[str, Any]) -> Block:
    """The type of a block's data. BrokenBlock names what is wrong with it."""
    kind = _blocks.get(str(block.get("type")))
    if kind is None:
        raise BrokenBlock(f"block {block.get('type')!r}: expected one of {', '.join(sorted(_blocks))}")
    for name in kind.needs:
        value = block.get(name)
        if not isinstance(value, str) or not value.strip():
            raise BrokenBlock(f"block {kind.name!r}: {name} is missing")
        if name.startswith("link") and value not in LINKS | {STAFF_LINK}:
            raise BrokenBlock(f"block {kind.name!r}: {name} {value!r}, expected one of {', '.join(sorted(LINKS))}")
    return kind


def plain(block: Mapping[str, Any]) -> str:
    """What the text twin says in place of a block."""
    return block["plain"] if "plain" in block else check(block).plain(block)


def section(content: str, *, padding: str = "0 32px") -> str:
    """A section of one column on the white card."""
    return (
        f'<mj-section css-class="bg" background-color="{SURFACE}" padding="{padding}">'
        f"<mj-column>{content}</mj-column></mj-section>"
    )


def words(text: str) -> str:
    """A plain text for HTML; quotes stay, since Liquid's filters use them."""
    return escape(text, quote=False)


def _heading(block: Mapping[str, Any]) -> str:
    return section(f'<mj-text font-size="22px" line-height="30px" font-weight="600">{words(block["text"])}</mj-text>')


def _text(block: Mapping[str, Any]) -> str:
    clean = nh3.clean(block["text"], tags=ALLOWED_TAGS, attributes={"*": set(), "a": {"href"}}, link_rel=None)
    return section(f"<mj-text>{clean}</mj-text>")


def _plain_text(block: Mapping[str, Any]) -> str:
    return nh3.clean(block["text"].replace("<br>", "\n").replace("</p>", "\n"), tags=set()).strip()


def _button(block: Mapping[str, Any]) -> str:
    return section(
        f'<mj-button href="{{{{ {block["link"]} }}}}" background-color="{{{{ practice.colour }}}}" color="#ffffff" '
        f'border-radius="10px" font-size="17px" font-weight="600" inner-padding="14px 20px" align="left" width="290px" '
        f'padding="4px 0 20px" css-class="do">{words(block["label"])}</mj-button>'
    )


def _link(block: Mapping[str, Any]) -> str:
    return section(
        f'<mj-text><a class="plain" href="{{{{ {block["link"]} }}}}" style="color:{{{{ practice.colour }}}}">'
        f"{words(block['label'])}</a></mj-text>"
    )


def _with_link(block: Mapping[str, Any]) -> str:
    return f"{block['label']}\n{{{{ {block['link']} }}}}"


def _review_buttons(block: Mapping[str, Any]) -> str:
    """One button a listed site, same size and order for everyone; the second only where there is one."""
    first = _button({"link": "links.review", "label": block["label"] + " {{ review.site }}"})
    second = _button({"link": "links.review_second", "label": block["label"] + " {{ review.site_second }}"})
    return f"{first}<mj-raw>{{% if links.review_second %}}</mj-raw>{second}<mj-raw>{{% endif %}}</mj-raw>"


def _plain_review_buttons(block: Mapping[str, Any]) -> str:
    first = block["label"] + " {{ review.site }}\n{{ links.review }}"
    second = block["label"] + " {{ review.site_second }}\n{{ links.review_second }}"
    return first + "{% if links.review_second %}\n\n" + second + "{% endif %}"


def _score_links(block: Mapping[str, Any]) -> str:
    """Eleven equal, neutral boxes: a row on a desk, two rows of 44 px on a phone (ui.md §9)."""
    table = '<mj-table padding="0 0 6px" cellpadding="0" cellspacing="0" table-layout="fixed"><tr>'
    columns = "".join(
        f'<mj-column width="{width}">{table}'
        + "".join(_score_cell(block["link"], score, share) for score in scores)
        + "</tr></mj-table></mj-column>"
        for width, share, scores in (("54.54%", "16.66%", range(6)), ("45.46%", "20%", range(6, 11)))
    )
    ends = (
        '<mj-table padding="0 0 20px"><tr>'
        f'<td class="ends" style="font-size:16px;color:{INK_2}">{words(block["low"])}</td>'
        f'<td class="ends" style="font-size:16px;color:{INK_2};text-align:right">{words(block["high"])}</td>'
        "</tr></mj-table>"
    )
    cells = f'<mj-section css-class="bg" background-color="{SURFACE}" padding="0 30px">{columns}</mj-section>'
    return cells + section(ends, padding="2px 32px 0")


def _score_cell(link: str, score: int, share: str) -> str:
    return (
        f'<td width="{share}" style="padding:0 2px"><a class="n" href="{{{{ {link} }}}}?s={score}" '
        f'style="display:block;border:1px solid {LINE};border-radius:8px;color:{INK};font-size:17px;font-weight:600;'
        f'line-height:44px;text-align:center;text-decoration:none">{score}</a></td>'
    )


def _plain_score_links(block: Mapping[str, Any]) -> str:
    return f"{block['low']} … {block['high']}\n{{{{ {block['link']} }}}}"


register_block("heading", mjml=_heading, plain=lambda block: block["text"], needs=("text",))
register_block("text", mjml=_text, plain=_plain_text, needs=("text",))
register_block("button", mjml=_button, plain=_with_link, needs=("label", "link"))
register_block("link", mjml=_link, plain=_with_link, needs=("label", "link"))
register_block("review_buttons", mjml=_review_buttons, plain=_plain_review_buttons, needs=("label",))
register_block("score_links", mjml=_score_links, plain=_plain_score_links, needs=("link", "low", "high"))
