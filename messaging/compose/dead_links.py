"""What staff may see of a message: everything but its links, which are the patient's alone (nps.md §4)."""

import re
from collections.abc import Mapping

from messaging.compose.rendering import Rendered

HREF = re.compile(r"\s(?:href|target)=(\"[^\"]*\"|'[^']*')")
OWN_LINK = re.compile(r"https?://\S+/portal/[^\s\"'<>]+")
PLACE = "[personal link]"


def dead(body: Rendered) -> Rendered:
    """The message with its links dead in HTML and left out of the text: no token reaches a page of staff."""
    tags = _without_links(body.tags)
    filled = Rendered(text=body.text, subject=body.subject, html=body.html, tags=tags)
    return Rendered(
        subject=filled.read("subject"),
        text=OWN_LINK.sub(PLACE, filled.read("text")),
        html=OWN_LINK.sub("", HREF.sub("", filled.read("html"))),
    )


def _without_links(tags: Mapping[str, str]) -> dict[str, str]:
    return {tag: PLACE if ":links." in tag and not _public(value) else value for tag, value in tags.items()}


def _public(value: str) -> bool:
    """A link without a token of ours, such as a review site's page."""
    return "/portal/" not in value and "/r/" not in value and value.startswith("https://")
