"""Time zones by the words that people use for them."""

from difflib import get_close_matches
from functools import cache
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError

# The zones of the United States first, by the words of their people; elsewhere the city names the zone.
AT_HOME = {
    "America/New_York": "Eastern time (New York)",
    "America/Detroit": "Eastern time (Detroit)",
    "America/Indiana/Indianapolis": "Eastern time (Indianapolis)",
    "America/Kentucky/Louisville": "Eastern time (Louisville)",
    "America/Chicago": "Central time (Chicago)",
    "America/Denver": "Mountain time (Denver)",
    "America/Boise": "Mountain time (Boise)",
    "America/Phoenix": "Mountain time without daylight saving (Phoenix)",
    "America/Los_Angeles": "Pacific time (Los Angeles)",
    "America/Anchorage": "Alaska time (Anchorage)",
    "Pacific/Honolulu": "Hawaii time (Honolulu)",
    "America/Puerto_Rico": "Atlantic time (Puerto Rico)",
    "Pacific/Guam": "Chamorro time (Guam)",
    "Pacific/Pago_Pago": "Samoa time (Pago Pago)",
}
SHORT = {
    "eastern": "America/New_York", "central": "America/Chicago", "mountain": "America/Denver",
    "pacific": "America/Los_Angeles", "alaska": "America/Anchorage", "hawaii": "Pacific/Honolulu",
    "arizona": "America/Phoenix",
}  # fmt: skip
REGIONS = ("Africa", "America", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")


class NoZone(ValidationError):
    """A text that names no time zone; `offers` are those that it may have meant, in words."""

    def __init__(self, text: str, offers: list[str]) -> None:
        self.offers = offers
        meant = f" Did you mean {' or '.join(offers)}?" if offers else ""
        super().__init__(
            f"“{text}” is no time zone that we know.{meant} Type a city, or Eastern, Central, Mountain, Pacific."
        )


@cache
def choices() -> dict[str, str]:
    """IANA name to words, those of the United States first, then by words."""
    others = {
        name: f"{name.rpartition('/')[2].replace('_', ' ')}, {name.partition('/')[0]}"
        for name in available_timezones()
        if name.partition("/")[0] in REGIONS and name not in AT_HOME
    }
    twice = {words for words in others.values() if list(others.values()).count(words) > 1}
    others = {name: name.replace("_", " ") if words in twice else words for name, words in others.items()}
    return AT_HOME | dict(sorted(others.items(), key=lambda item: item[1]))


def words(name: str) -> str:
    """A zone in words; the name itself where it has none, such as `UTC`."""
    return choices().get(name, name)


def find(text: str) -> str:
    """The IANA name that somebody meant: by words, name, city or short word. NoZone."""
    wanted = " ".join(text.split()).casefold()
    if name := _known().get(wanted) or _known().get(wanted.removesuffix(" time")):
        return name
    found = [name for name, said in choices().items() if wanted and wanted in said.casefold()]
    if len(found) == 1:
        return found[0]
    close = found[:3] or [_known()[one] for one in get_close_matches(wanted, _known(), n=3, cutoff=0.75)]
    raise NoZone(text.strip(), list(dict.fromkeys(words(name) for name in close)))


@cache
def _known() -> dict[str, str]:
    known: dict[str, str] = {}
    for name, said in choices().items():
        for form in (said, name, name.replace("_", " "), name.rpartition("/")[2].replace("_", " ")):
            known.setdefault(form.casefold(), name)
    known |= {name.casefold(): name for name in available_timezones()}
    return known | SHORT
