"""Quiet hours: when a text or a push may arrive (messaging.md §5 step 8)."""

from collections.abc import Collection
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers import timezone as phone_zones

from prm import clock

OPENS = time(8)
SMS_CLOSES, PUSH_CLOSES = time(20), time(21)
NOWHERE_KNOWN = (ZoneInfo("America/New_York"), ZoneInfo("America/Los_Angeles"))  # both ends of the country
UNKNOWN_ZONE = "Etc/Unknown"


def next_allowed(
    now: datetime, patient_zone: ZoneInfo | None, area_zones: Collection[ZoneInfo], *, opens: time = OPENS,
    closes: time = SMS_CLOSES,
) -> datetime:  # fmt: skip
    """The first moment at or after `now` (aware) within the window, 08:00-20:00 wall time in every zone.

    `now` itself where allowed; 20:00 is closed. Without any zone the window common to New York and Los Angeles counts.
    Where the practice's own, narrower window never meets in all zones, the law's does; where that never meets either
    (zones half a day apart), the patient's zone decides. ValueError for a naive `now`.
    Source: 47 CFR 64.1200(c)(1) allows until 21:00, some states, such as Florida, until 20:00.
    """
    if now.tzinfo is None:
        raise ValueError(f"now {now!r} has no time zone")
    zones = list(dict.fromkeys([zone for zone in (patient_zone, *area_zones) if zone is not None])) or NOWHERE_KNOWN
    moment, last = now, now + timedelta(days=3)
    while moment < last:
        opening = max(_opening(moment, zone, opens, closes) for zone in zones)
        if opening == moment:
            return moment
        moment = opening
    if opens > OPENS or closes < SMS_CLOSES:
        return next_allowed(now, patient_zone, area_zones)
    return _opening(now, zones[0], opens, closes)


def _opening(moment: datetime, zone: ZoneInfo, opens: time, closes: time) -> datetime:
    """`moment` where the window of one zone is open, else its next opening."""
    local = moment.astimezone(zone)
    if opens <= local.time() < closes:
        return moment
    day = local.date() if local.time() < opens else local.date() + timedelta(days=1)
    return clock.local_moment(day, opens, zone)


def area_zones(number: str) -> list[ZoneInfo]:
    """The time zones of an E.164 number's area; empty where it tells none."""
    try:
        names = phone_zones.time_zones_for_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return []
    return [ZoneInfo(name) for name in names if name != UNKNOWN_ZONE]
