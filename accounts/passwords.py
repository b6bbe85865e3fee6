"""What a password must be: twelve characters, and nothing that a stranger would try first (security.md §2).

No rules of composition: NIST SP 800-63B section 3.1.1.2 advises against them and wants a block list with the words of
the service and of the person instead.
"""

import re
from collections.abc import Iterable
from itertools import pairwise

from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import CommonPasswordValidator, validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.queries import practices_of

LEAST_OWN = 8  # characters that remain when every word that a stranger knows is taken out
LEAST_DIFFERENT = 5  # different characters
TOO_LONG = 1024  # characters; a hash of megabytes would be an attack
SERVICE_WORDS = (
    "physicaltherapy", "physiotherapy", "physical", "physio", "therapist", "therapy", "clinic", "practice", "rehab",
    "patient", "password", "welcome", "letmein", "qwerty", "prm",
)  # fmt: skip
LOOK_ALIKES = str.maketrans({"0": "o", "1": "l", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s", "!": "i"})


def check(password: str, user: User | None, *, words: Iterable[str] = ()) -> None:
    """Refuse a password that is too short or easy to guess for `user` (None: nobody yet, as on the sign-up page).

    `words`: more that a stranger knows, such as the name of the practice that is being made. ValidationError holds one
    sentence for each reason.
    """
    if len(password) > TOO_LONG:
        raise ValidationError(_("Use at most %(n)d characters.") % {"n": TOO_LONG})
    reasons: list[str] = []
    try:
        validate_password(password, user)
    except ValidationError as refused:
        reasons += refused.messages
    if not reasons and words and _own_part(password, words) < LEAST_OWN:
        reasons.append(_easy())
    if reasons:
        raise ValidationError(reasons)


def cost_of_one() -> None:
    """Spend what hashing a password costs: where an answer must not tell by its time whether there was one to check."""
    make_password("the time that one hash takes")


class GuessableValidator:
    """Refuses runs, repetitions, common passwords with a year behind them, and words that a stranger knows."""

    def validate(self, password: str, user: User | None = None) -> None:
        """ValidationError with one sentence, whatever the reason is: a list of tricks would teach the next one."""
        if _is_pattern(password) or _is_common_inside(password) or _own_part(password, words_of(user)) < LEAST_OWN:
            raise ValidationError(_easy(), code="guessable")

    def get_help_text(self) -> str:
        """For Django's own pages."""
        return _easy()


def words_of(user: User | None) -> set[str]:
    """What a stranger knows of a person: name, e-mail, practices."""
    if user is None:
        return set()
    known = {user.name, user.email, *user.email.split("@")}
    if user.pk and not user._state.adding:
        known |= {text for practice in practices_of(user) for text in (practice.name, practice.slug)}
    return known


def _easy() -> str:
    return _("This password is easy to guess. Leave out names, the practice and common words, or add more words.")


def _own_part(password: str, words: Iterable[str]) -> int:
    """How many letters and digits are left when known words are taken out, longest first."""
    rest = _plain(password)
    known = {_plain(part) for word in words for part in [word, *re.split(r"[\W_]+", word)]} | set(SERVICE_WORDS)
    for word in sorted((word for word in known if len(word) >= 3), key=len, reverse=True):
        rest = rest.replace(word, "")
    return len(rest)


def _is_pattern(password: str) -> bool:
    """Few different characters, or mostly steps of a run: aaaa…, abcabc…, 1234…, 9876…."""
    lower = password.lower()
    if len(set(lower)) < LEAST_DIFFERENT:
        return True
    steps = [ord(after) - ord(before) for before, after in pairwise(lower)]
    return sum(step in {-1, 0, 1} for step in steps) > len(steps) * 0.6


def _is_common_inside(password: str) -> bool:
    """A common password, once or repeated, with digits and signs around it."""
    core = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", password.lower())
    for length in range(1, len(core) // 2 + 1):
        if len(core) % length == 0 and core[:length] * (len(core) // length) == core:
            core = core[:length]
            break
    return bool({core, core.translate(LOOK_ALIKES)} & _common())


def _plain(text: str) -> str:
    """Lower case, letters and digits alone, with what people put in place of letters turned back."""
    return "".join(filter(str.isalnum, text.lower().translate(LOOK_ALIKES)))


def _common() -> set[str]:
    return _validator.passwords


_validator = CommonPasswordValidator()
