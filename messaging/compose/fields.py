"""The merge fields that a message may carry; no other value ever reaches a text that leaves (campaigns.md §6).

No field gives diagnosis, body region, surgery, score or answer: what leaves is read by providers and on lock screens.
"""

from collections.abc import Iterable, Mapping

# Filled in from our own rows when a message is rendered.
OWN = frozenset({
    "patient.first_name", "practice.name", "practice.phone", "practice.address", "practice.colour", "practice.logo",
})  # fmt: skip

# Given by whoever queues the message.
GIVEN = frozenset({
    "clinic.name", "clinic.phone", "clinic.address", "therapist.first_name", "visit.when", "visit.date", "visit.time",
    "episode.visit_count", "review.site", "review.site_second", "links.portal", "links.book", "links.confirm",
    "links.hep", "links.survey", "links.review", "links.review_second", "links.unsubscribe", "links.preferences",
})  # fmt: skip

LINKS = frozenset(name for name in GIVEN if name.startswith("links."))
STAFF_LINK = "links.act"  # the page that a mail to staff leads to; no template of a practice may use it
BODY_ONLY = frozenset({"episode.visit_count"}) | LINKS  # never in a subject or a preheader


class UnknownField(ValueError):
    """A merge field that does not exist, or not in that place; the text names it."""


def check_given(context: Mapping[str, str]) -> dict[str, str]:
    """The caller's values, each on one line. UnknownField names the first that no message may carry."""
    for name, value in context.items():
        if name not in GIVEN:
            raise UnknownField(f"merge field {name!r}: expected one of {', '.join(sorted(GIVEN))}")
        if not isinstance(value, str):
            raise UnknownField(f"merge field {name!r}: expected text, found {type(value).__name__}")
    return {name: " ".join(value.split()) for name, value in context.items()}


def check_used(names: Iterable[str], *, where: str, body: bool) -> None:
    """UnknownField names the first field of a wording that does not exist, or may not stand in a subject."""
    for name in sorted(names):
        if name not in OWN | GIVEN:
            raise UnknownField(f"{where}: there is no merge field {name!r}")
        if not body and name in BODY_ONLY:
            raise UnknownField(f"{where}: {name!r} may stand in the body only")


def nested(values: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Dotted names as the plain dictionaries that Liquid reads; empty values are left out, so that defaults apply."""
    context: dict[str, dict[str, str]] = {name.partition(".")[0]: {} for name in OWN | GIVEN}
    for name, value in values.items():
        if value:
            group, _dot, field = name.partition(".")
            context.setdefault(group, {})[field] = value
    return context
