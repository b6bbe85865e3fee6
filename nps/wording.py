"""The locked words of the survey (nps.md section 2). A change of any of them is a new question version.

The page's other words are translated as everywhere else; these are kept as they stand in the specification, in both
languages, because answers to differing questions must never be mixed.
"""

import random
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from nps.score import Bucket

LONGEST_COMMENT = 2000  # characters

QUESTION = {
    "en": (
        "On a scale of 0 to 10, with 10 being most likely and 0 being not at all likely, "
        "how likely are you to recommend {practice} to a friend or family member?"
    ),
    "es": (
        "En una escala del 0 al 10, donde 10 es «muy probable» y 0 es «nada probable», "
        "¿qué tan probable es que recomiende {practice} a un amigo o familiar?"
    ),
}
FOLLOW_UP = {
    Bucket.PROMOTER: {"en": "What did we do best?", "es": "¿Qué fue lo mejor?"},
    Bucket.PASSIVE: {"en": "What is one thing we could do better?", "es": "¿Qué podríamos mejorar?"},
    Bucket.DETRACTOR: {
        "en": "What went wrong, and how can we make it right?",
        "es": "¿Qué salió mal y cómo podemos remediarlo?",
    },
}
ELSE = "else"
DRIVERS: dict[str, str | Promise] = {
    "therapist": _("My therapist"),
    "front_desk": _("The front desk"),
    "billing": _("Billing"),
    "scheduling": _("Getting a visit time"),
    "facility": _("The clinic and its rooms"),
    "results": _("My results"),
    ELSE: _("Something else"),
}


def language() -> str:
    """The page's language, of the two that the survey speaks."""
    return "es" if (get_language() or "en").startswith("es") else "en"


def question(practice_name: str) -> str:
    """The question in the page's language."""
    return QUESTION[language()].format(practice=practice_name)


def follow_up(bucket: Bucket) -> str:
    """What is asked of those who gave such a score."""
    return FOLLOW_UP[bucket][language()]


def drivers(invitation_id: UUID) -> list[tuple[str, str | Promise]]:
    """The reasons to tick: shuffled, the same way for one invitation every time; “something else” stays last."""
    names = [name for name in DRIVERS if name != ELSE]
    random.Random(invitation_id.int).shuffle(names)  # noqa: S311  (an order, no secret)
    return [(name, DRIVERS[name]) for name in (*names, ELSE)]
