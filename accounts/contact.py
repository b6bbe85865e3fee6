"""How people type a phone number and a postal address, and how we keep them."""

import re
from dataclasses import dataclass, fields

import phonenumbers
from django.core.exceptions import ValidationError

_END = re.compile(r"(?P<state>[A-Za-z]{2})\s+(?P<postal_code>\d{5}(?:-\d{4})?)")
STATES = frozenset({
    "AL", "AK", "AZ", "AR", "CA", "CO", "CT", "DE", "DC", "FL", "GA", "HI", "ID", "IL", "IN", "IA", "KS", "KY",
    "LA", "ME", "MD", "MA", "MI", "MN", "MS", "MO", "MT", "NE", "NV", "NH", "NJ", "NM", "NY", "NC", "ND", "OH",
    "OK", "OR", "PA", "RI", "SC", "SD", "TN", "TX", "UT", "VT", "VA", "WA", "WV", "WI", "WY", "AS", "GU", "MP",
    "PR", "VI",
})  # fmt: skip


def phone(text: str) -> str:
    """The number in E.164, read as people in the United States write it; empty for nothing. ValidationError."""
    if not text.strip():
        return ""
    try:
        number = phonenumbers.parse(text, "US")
    except phonenumbers.NumberParseException:
        number = None
    if number is None or number.extension or not phonenumbers.is_valid_number(number):
        raise ValidationError("Enter a phone number with 10 digits, like 415 555 0134.")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@dataclass(frozen=True, slots=True)
class PostalAddress:
    """A postal address by its lines; kept as one line of text, such as “12 Quay Street, Oakland, CA 94607”."""

    street: str = ""
    street_2: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""

    def __str__(self) -> str:
        end = f"{self.state} {self.postal_code}".strip()
        return ", ".join(part for part in (self.street, self.street_2, self.city, end) if part)

    @classmethod
    def of(cls, text: str) -> "PostalAddress":
        """The lines of a text; one that does not end in city, state and ZIP code stands in the first line."""
        parts = [part.strip() for part in text.split(",") if part.strip()]
        end = _END.fullmatch(parts[-1]) if len(parts) >= 3 else None
        if end is None:
            return cls(street=text.strip())
        return cls(parts[0], ", ".join(parts[1:-2]), parts[-2], end["state"].upper(), end["postal_code"])

    def check(self) -> None:
        """ValidationError by line for what no letter could be sent to; an empty address passes."""
        given = {line.name: getattr(self, line.name) for line in fields(self)}
        if not any(given.values()):
            return
        wrong: dict[str, str] = {}
        for name, words in (("street", "the street and number, or a PO box"), ("city", "the city")):
            if not given[name]:
                wrong[name] = f"Enter {words}."
        for name in ("street", "city"):
            if "," in given[name]:
                wrong[name] = "Leave commas out; a suite or a floor goes on the second line."
        if self.state not in STATES:
            wrong["state"] = "Enter the state by its two letters, like CA."
        if not re.fullmatch(r"\d{5}(-\d{4})?", self.postal_code):
            wrong["postal_code"] = "Enter a ZIP code with 5 digits, like 94607."
        if wrong:
            raise ValidationError(wrong)
