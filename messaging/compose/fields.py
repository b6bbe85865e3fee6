"""The merge fields that a message may carry; no other value ever reaches a text that leaves (campaigns.md §6).

No field gives diagnosis, body region, surgery, score or answer: what leaves is read by providers and on lock screens.
"""

from collections.abc import Mapping

# Filled in from our own rows when a message is rendered.
OWN = frozenset({
    "patient.first_name", "practice.name", "practice.phone", "practice.address", "practice.colour",
})  # fmt: skip

# Given by whoever queues the message.
GIVEN = frozenset({
    "clinic.name", "clinic.phone", "clinic.address", "therapist.first_name", "visit.when", "visit.date", "visit.time",
    "episode.visit_count", "links.portal", "links.book", "links.confirm", "links.hep", "links.survey", "links.review",
    "links.review_site", "links.unsubscribe", "links.preferences", "links.spanish",
})  # fmt: skip

BODY_ONLY = frozenset({"episode.visit_count"})  # in the body of an e-mail, never in a subject, a text or a push


class UnknownField(ValueError):
    """A merge field that does not exist; the text names it."""


def known() -> frozenset[str]:
    """Every merge field."""
    return OWN | GIVEN


def check_given(context: Mapping[str, str]) -> dict[str, str]:
    """The caller's values as they are. UnknownField names the first that no message may carry."""
    for name, value in context.items():
        if name not in GIVEN:
            raise UnknownField(f"merge field {name!r}: expected one of {', '.join(sorted(GIVEN))}")
        if not isinstance(value, str):
            raise UnknownField(f"merge field {name!r}: expected text, found {type(value).__name__}")
    return dict(context)
