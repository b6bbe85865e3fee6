"""What a parser is told about its feed: settings, zones, the feed's own codes. Plain values, made by `apply.py`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from integrations.facts import Parsed

CLAMP = timedelta(minutes=10)


@dataclass(frozen=True)
class Context:
    """`zone`: the feed's; `clinic_zones`: by the source's clinic key, for times without an offset.

    `codes`: field name (`discharge_reason`, `visit_type`, …) to the feed's own code map. `received_at` aware.
    """

    received_at: datetime
    settings: Mapping[str, Any] = field(default_factory=dict)
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    clinic_zones: Mapping[str, ZoneInfo] = field(default_factory=dict)
    codes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def zone_of(self, clinic_key: str) -> ZoneInfo:
        """The zone of a clinic by the source's key, else the feed's."""
        return self.clinic_zones.get(clinic_key, self.zone)

    def order_time(self, told: datetime | None, parsed: Parsed) -> datetime:
        """The source_ts that orders: what was told; received_at where nothing was, or where it lies in the future."""
        if told is None:
            parsed.flag("source_time_unreadable")
            return self.received_at.astimezone(UTC)
        if told > self.received_at + CLAMP:
            parsed.flag("source_time_future")
            return self.received_at.astimezone(UTC)
        return told.astimezone(UTC)
