"""Names and addresses that people will read: one line, of characters that can be seen."""

import unicodedata

from django.core.exceptions import ValidationError

JOINERS = "\u200c\u200d"  # inside words of some scripts and of emoji


def one_line(text: object) -> str:
    """The text with each run of white space as one space, none at its ends. ValidationError names what cannot be seen.

    A line break in a name would reach the header of a mail; a character that turns the direction of writing, or has
    no shape at all, makes a name that looks like another one, or like none. A name of joiners alone is empty.
    """
    line = " ".join(str(text).split())
    unseen = next((one for one in line if unicodedata.category(one) in {"Cc", "Cf", "Cs"} and one not in JOINERS), None)
    if unseen is not None:
        raise ValidationError(f"Leave out the character U+{ord(unseen):04X}, which cannot be seen.")
    return line if line.strip(JOINERS + " ") else ""
