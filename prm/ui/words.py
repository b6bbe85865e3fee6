"""How numbers, dates, durations and phone numbers read (ui.md section 7); the template tags wrap these functions."""

from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

import phonenumbers
from babel import dates, numbers
from django.utils import timezone, translation

from prm import clock

MINUS = "\N{MINUS SIGN}"
ABBREVIATE_FROM = 10_000
SHORT, LONG = "short", "long"


def _locale() -> str:
    """The Babel locale of the active language: US English, or the Spanish that US Hispanics read."""
    return "es_US" if (translation.get_language() or "en").startswith("es") else "en_US"


def count(value: int) -> str:
    """An exact count with thousands separators: 12,431; a negative one with U+2212."""
    return numbers.format_decimal(value, locale=_locale()).replace("-", MINUS)


def short_count(value: int) -> str:
    """A count for a tile: exact to 9,999, then 12.4k."""
    if abs(value) < ABBREVIATE_FROM:
        return count(value)
    thousands = (Decimal(value) / 1000).quantize(Decimal("0.1"), ROUND_HALF_UP)
    return numbers.format_decimal(thousands, format="#,##0.#", locale=_locale()).replace("-", MINUS) + "k"


def signed(value: int) -> str:
    """A change with its sign: +4, minus 3 with U+2212, 0."""
    return f"+{count(value)}" if value > 0 else count(value)


def percent(share: Decimal | float) -> str:
    """A share (0 to 1) as a percentage without decimals: 0.437 is 44%. Half rounds away from zero."""
    whole = (Decimal(str(share)) * 100).quantize(Decimal(1), ROUND_HALF_UP)
    return numbers.format_decimal(whole, locale=_locale()).replace("-", MINUS) + (
        "\u00a0%" if _locale() == "es_US" else "%"
    )


def money(dollars: Decimal) -> str:
    """US dollars: cents only up to $100."""
    whole = abs(dollars) > 100
    text = numbers.format_currency(
        dollars.quantize(Decimal(1 if whole else "0.01"), ROUND_HALF_UP),
        "USD",
        format="¤#,##0" if whole else "¤#,##0.00",
        locale="en_US",
        currency_digits=False,
    )
    return text.replace("-", MINUS)


def _local(value: datetime) -> datetime:
    if timezone.is_naive(value):
        raise ValueError("a naive datetime has no place on a page; give an aware one")
    return timezone.localtime(value)


def _local_day(value: date) -> date:
    return _local(value).date() if isinstance(value, datetime) else value


def day(value: date) -> str:
    """For staff: Tue, Nov 24, with the year if it is not this year. A datetime is read in the active zone."""
    on = _local_day(value)
    pattern = "EEE, MMM d" if on.year == _local(clock.now()).year else "EEE, MMM d, y"
    return dates.format_date(on, pattern, locale="en_US") if _locale() == "en_US" else _spanish_day(on, short=True)


def time_of_day(value: datetime) -> str:
    """2:00 pm, in the active zone."""
    text = dates.format_time(_local(value), "h:mm a", locale="en_US")
    text = text.replace("AM", "am").replace("PM", "pm")
    return text if _locale() == "en_US" else text.replace("am", "a. m.").replace("pm", "p. m.")


def moment(value: datetime) -> str:
    """For staff: Tue, Nov 24, 2:00 pm."""
    return f"{day(value)}, {time_of_day(value)}"


def long_day(value: date) -> str:
    """For patients: Tuesday, November 24; with the year if it is not this year."""
    on = _local_day(value)
    if _locale() == "es_US":
        return _spanish_day(on, short=False)
    pattern = "EEEE, MMMM d" if on.year == _local(clock.now()).year else "EEEE, MMMM d, y"
    return dates.format_date(on, pattern, locale="en_US")


def in_words(value: object) -> str:
    """A value as a person reads it: a moment (active zone) or a day in words, else its text; nothing for None."""
    if isinstance(value, datetime):
        return long_moment(value)
    if isinstance(value, date):
        return long_day(value)
    return "" if value is None else str(value)


def long_moment(value: datetime) -> str:
    """For patients: Tuesday, November 24 at 2:00 pm; martes 24 de noviembre a las 2:00 p. m."""
    return f"{long_day(value)} {_at(value)} {time_of_day(value)}"


def near_day(value: datetime) -> str:
    """For patients: Today, Tomorrow, else the long day, in the active zone."""
    apart = (_local(value).date() - _local(clock.now()).date()).days
    near = {0: ("Today", "Hoy"), 1: ("Tomorrow", "Mañana")}.get(apart)
    if near:
        return near[_locale() == "es_US"]
    text = long_day(value)
    return text[:1].upper() + text[1:]


def near_moment(value: datetime) -> str:
    """For patients: Today at 9:30 am, Tomorrow at 9:30 am, else the long moment, in the active zone."""
    return f"{near_day(value)} {_at(value)} {time_of_day(value)}"


def _at(value: datetime) -> str:
    if _locale() == "en_US":
        return "at"
    return "a la" if _local(value).hour % 12 == 1 else "a las"


def _spanish_day(on: date, *, short: bool) -> str:
    pattern = "EEE d MMM" if short else "EEEE d 'de' MMMM"
    if on.year != _local(clock.now()).year:
        pattern += " y" if short else " 'de' y"
    return dates.format_date(on, pattern, locale="es_US")


def ago(value: datetime) -> str:
    """Relative within 24 hours (3 h ago, in 20 min, just now), else the staff's day and time."""
    apart = value - clock.now()
    if abs(apart) >= timedelta(hours=24):
        return moment(value)
    minutes = int(abs(apart).total_seconds() // 60)
    if minutes < 1:
        return "just now"
    text = f"{minutes} min" if minutes < 60 else f"{minutes // 60} h"
    return f"{text} ago" if apart < timedelta(0) else f"in {text}"


def duration(span: timedelta) -> str:
    """1 h 40 min, 25 min, 2 days 3 h, under a minute: 0 min."""
    minutes = int(span.total_seconds() // 60)
    days, rest = divmod(minutes, 24 * 60)
    hours, left = divmod(rest, 60)
    if days:
        word = "day" if days == 1 else "days"
        return f"{days} {word} {hours} h" if hours else f"{days} {word}"
    if hours:
        return f"{hours} h {left} min" if left else f"{hours} h"
    return f"{left} min"


def phone(e164: str) -> str:
    """(415) 555-0134 for a US number in E.164, the international form for others, the text itself if it is none."""
    try:
        number = phonenumbers.parse(e164, "US")
    except phonenumbers.NumberParseException:
        return e164
    style = phonenumbers.PhoneNumberFormat
    return phonenumbers.format_number(number, style.NATIONAL if number.country_code == 1 else style.INTERNATIONAL)


def initials(name: str) -> str:
    """Up to two letters for an avatar: Ruth Abara is RA. A question mark where there is no name."""
    words = [word for word in name.split() if word[0].isalnum()]
    if not words:
        return "?"
    return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()
