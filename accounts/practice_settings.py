"""What a practice decides about itself: the one function that writes it, for pages and API alike."""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError

from accounts import brand, changing, contact, retention, zones
from accounts.changing import Changed
from accounts.models import Practice, User
from accounts.models.practices import MOST_A_DAY, MOST_A_WEEK, TEXTS_CLOSE, TEXTS_OPEN
from accounts.naming import one_line

LANGUAGES = ("en", "es")
IDLE_MINUTES = range(5, 31)  # security.md §2
FIELDS = frozenset({
    "name", "time_zone", "languages", "phone", "postal_address", "door_indexable", "brand_colour", "logo",
    "texts_open", "texts_close", "emails_open", "emails_close", "cap_day", "cap_week", "keep_raw_months",
    "keep_bodies_months", "idle_minutes", "therapists_see",
})  # fmt: skip


def change_practice(
    practice: Practice, *, by: User | None, now: datetime, version: int, over: int = 0, **fields: Any
) -> Changed:
    """Change some of a practice's settings (`FIELDS`); what differs is stored and told, with what it was before.

    `version`: the one that the editor saw; `over`: see `changing.change`; `by` is None for an API key. A phone number
    is read as people write it, a time zone by name or words, a brand colour is darkened until white on it can be read.
    ValidationError by field, changing.Stale where somebody changed the same field meanwhile. The caller audits
    `Changed.fields`.
    """
    if unknown := set(fields) - FIELDS:
        raise ValidationError(dict.fromkeys(unknown, "A practice has no such setting, or it cannot be changed."))
    return changing.change(practice, by=by, now=now, version=version, over=over, fields=_normal(fields), check=_check)


def _normal(fields: dict[str, Any]) -> dict[str, Any]:
    """The values as they are kept. ValidationError by field."""
    readers: dict[str, Callable[[str], str]] = {
        "phone": contact.phone,
        "time_zone": zones.find,
        "brand_colour": brand.read_and_darken,
        "name": one_line,
        "postal_address": one_line,
    }
    made, wrong = dict(fields), {}
    for name, read in readers.items():
        if name in made:
            try:
                made[name] = read(str(made[name]))
            except ValidationError as problem:
                wrong[name] = problem.messages
    if wrong:
        raise ValidationError(wrong)
    return made


def _check(practice: Practice, names: Collection[str]) -> None:
    """ValidationError by field for what a practice may not be."""
    wrong: dict[str, Any] = {}
    others = {field.name for field in practice._meta.fields} - set(names)
    try:
        practice.clean_fields(exclude=others)
    except ValidationError as problem:
        wrong |= problem.update_error_dict({})
    if "idle_minutes" in names and practice.idle_minutes not in IDLE_MINUTES:
        wrong["idle_minutes"] = "Choose 5 to 30 minutes."
    if "languages" in names and (not practice.languages or set(practice.languages) - set(LANGUAGES)):
        wrong["languages"] = "Choose English, Spanish or both."
    if set(names) & {"texts_open", "texts_close"}:
        wrong |= _window(practice.texts_open, practice.texts_close, "texts")
        if practice.texts_open < TEXTS_OPEN or practice.texts_close > TEXTS_CLOSE:
            early = practice.texts_open < TEXTS_OPEN
            wrong["texts_open" if early else "texts_close"] = (
                "The law lets texts leave from 8:00 am to 8:00 pm; a practice may choose less, not more."
            )
    if set(names) & {"emails_open", "emails_close"}:
        wrong |= _window(practice.emails_open, practice.emails_close, "emails")
    wrong |= _caps(practice) if set(names) & {"cap_day", "cap_week"} else {}
    for name in {"keep_raw_months", "keep_bodies_months"} & set(names):
        if getattr(practice, name) not in retention.MONTHS:
            wrong[name] = f"Choose one of {', '.join(map(str, retention.MONTHS))} months."
    if wrong:
        raise ValidationError(wrong)


def _window(opens: Any, closes: Any, name: str) -> dict[str, str]:
    if (opens is None) != (closes is None):
        missing = "open" if opens is None else "close"
        return {f"{name}_{missing}": "Give both times, or none of them."}
    if opens is not None and opens >= closes:
        return {f"{name}_close": "The end must be later than the beginning."}
    return {}


def _caps(practice: Practice) -> dict[str, str]:
    wrong = {}
    for name, most in (("cap_day", MOST_A_DAY), ("cap_week", MOST_A_WEEK)):
        if not 1 <= getattr(practice, name) <= most:
            wrong[name] = f"Choose 1 to {most}."
    if not wrong and practice.cap_day > practice.cap_week:
        wrong["cap_week"] = "A week cannot allow less than a day."
    return wrong
