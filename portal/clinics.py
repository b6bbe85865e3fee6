"""A clinic as patients read of it: its name, where it is, when it is open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from itertools import groupby
from urllib.parse import quote

from babel import dates
from django.conf import settings
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts.models import Clinic, Practice
from prm.clock import WEEKDAYS


@dataclass(frozen=True, slots=True)
class Card:
    """`hours`: (days in words, hours in words) from Monday on; empty where the practice has not entered any."""

    name: str
    address: str
    map_url: str
    phone: str
    hours: Sequence[tuple[str, str]]


def card(clinic: Clinic, practice: Practice) -> Card:
    """A clinic's card; the practice's number where the clinic has none of its own."""
    return Card(
        clinic.display_name, clinic.address, map_url(clinic.address), clinic.phone or practice.phone,
        hours_in_words(clinic.hours),
    )  # fmt: skip


def cards(practice: Practice) -> list[Card]:
    """The named clinics of the open practice by name; closed ones are nowhere to go."""
    found = Clinic.objects.filter(named=True, closed_at=None).order_by("name", "pk")
    return [card(clinic, practice) for clinic in found]


def map_url(address: str) -> str:
    """Where a map shows the address; a link that a person may follow, nothing is asked of it by our pages."""
    return settings.MAP_URL + quote(address, safe="") if address else ""


def hours_in_words(hours: Mapping[str, Sequence[Sequence[str]]]) -> list[tuple[str, str]]:
    """Days with the same hours in a row stand together: “Monday to Friday”, “8:00 am to 5:00 pm”. In the page's words.

    `hours`: weekday to intervals of wall time, as `Clinic.hours` keeps them; a missing day is closed.
    """
    if not any(hours.values()):
        return []
    days = [(day, tuple(sorted(tuple(one) for one in hours.get(day, ())))) for day in WEEKDAYS]
    runs = [(intervals, [day for day, _same in run]) for intervals, run in groupby(days, key=lambda one: one[1])]
    return [(_days(run), _intervals(intervals)) for intervals, run in runs]


def _days(run: Sequence[str]) -> str:
    first, last = _weekday(run[0]), _weekday(run[-1])
    if len(run) == 1:
        words = first
    elif len(run) == 2:
        words = _("%(first)s and %(last)s") % {"first": first, "last": last}
    else:
        words = _("%(first)s to %(last)s") % {"first": first, "last": last}
    return words[:1].upper() + words[1:]


def _intervals(intervals: Sequence[Sequence[str]]) -> str:
    if not intervals:
        return _("closed")
    return ", ".join(
        _("%(opens)s to %(closes)s") % {"opens": _wall(opens), "closes": _wall(closes)} for opens, closes in intervals
    )


def _weekday(day: str) -> str:
    return dates.get_day_names("wide", locale=_locale())[WEEKDAYS.index(day)]


def _wall(text: str) -> str:
    at = time(0) if text == "24:00" else time.fromisoformat(text)
    words = dates.format_time(at, "h:mm a", locale="en_US").replace("AM", "am").replace("PM", "pm")
    return words if _locale() == "en_US" else words.replace("am", "a. m.").replace("pm", "p. m.")


def _locale() -> str:
    return "es_US" if (get_language() or "en").startswith("es") else "en_US"
