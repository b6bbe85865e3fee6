"""The National Provider Identifier: ten digits, the last one a check digit (45 CFR 162.406).

The check is Luhn's over 80840 and the number: the prefix stands for health and the United States (CMS, "Requirements
for National Provider Identifier (NPI) and NPI Check Digit").
"""

import re

from django.core.exceptions import ValidationError

PREFIX = "80840"
SHAPE = re.compile(r"[12]\d{9}", re.ASCII)


def is_valid(number: str) -> bool:
    """Ten digits that begin with 1 or 2, of which the last fits the others."""
    return bool(SHAPE.fullmatch(number)) and _luhn(PREFIX + number)


def check(number: str) -> None:
    """ValidationError that says what was found wrong, for a model's and a form's field."""
    if not SHAPE.fullmatch(number):
        raise ValidationError("Enter the 10 digits of the NPI; the first is 1 or 2.")
    if not _luhn(PREFIX + number):
        raise ValidationError("The last digit does not fit the others. Compare the number with the NPI registry.")


def _luhn(digits: str) -> bool:
    """True where the sum of Luhn's method (every second digit from the right doubled) is a multiple of ten."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + position % 2)
        total += value - 9 * (value > 9)
    return total % 10 == 0
