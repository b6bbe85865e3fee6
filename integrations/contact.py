"""Telephone numbers and e-mail addresses as we keep them; what cannot be read is None and makes no statement."""

import re
from functools import lru_cache

import phonenumbers

_EMAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)
_DUMMY_LOCAL = {"none", "noemail", "no-email", "na", "n/a", "null", "unknown", "declined", "refused", "noreply"}


@lru_cache(maxsize=65536)
def phone(text: str, region: str = "US") -> str | None:
    """The number in E.164. Of “a/b” the first that is valid; None for 7 digits, zeros and what no plan knows."""
    for part in re.split(r"[/;]", text):
        try:
            number = phonenumbers.parse(part, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number) and set(str(number.national_number)) != {"0"}:
            return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return None


def email(text: str) -> str | None:
    """The address in lower case; None for what is none, and for the ones that say “no address”."""
    address = text.strip().strip("<>").lower()
    if len(address) > 254 or not _EMAIL.fullmatch(address) or ".." in address:
        return None
    local, _at, domain = address.partition("@")
    if local in _DUMMY_LOCAL or domain.split(".")[0] in _DUMMY_LOCAL:
        return None
    return address


_TEST_NAME = re.compile(r"(?:zz+ ?test|test|testing|zztest)\w*|(?:xx+|zz+)", re.I)


def is_test_name(first: str, last: str) -> bool:
    """True for names that EMRs give to test patients: TEST, PATIENT; ZZTEST, …"""
    names = {first.strip().casefold(), last.strip().casefold()} - {""}
    return any(_TEST_NAME.fullmatch(name) for name in names) and (
        bool(names & {"test", "patient", "testing"}) or any(name.startswith(("zz", "xx")) for name in names)
    )
