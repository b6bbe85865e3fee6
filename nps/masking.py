"""What a comment says, without the ways to reach a person: for files that leave the staff (nps.md 8)."""

import re

EMAIL = re.compile(r"[^\s@,;:<>()]+@[^\s@,;:<>()]+\.[^\s@,;:<>()]+")
PHONE = re.compile(r"(?<![\w.])\+?\(?\d(?:[\s().\-/]{0,2}\d){6,14}(?!\w)")


def mask(text: str) -> str:
    """The text with e-mail addresses and phone numbers (seven digits and more) replaced by what they were."""
    return PHONE.sub("[phone]", EMAIL.sub("[e-mail]", text))
