"""What is publicly known of the EMRs that send HL7 v2 (integrations.md §4): name, and the settings that follow."""

from collections.abc import Mapping
from typing import Any

PRESETS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "generic": ("Other EMR for therapy", {}),
    "raintree": ("Raintree", {}),
    "insight": ("Clinicient Insight", {}),
    "epic": ("Epic", {"a03_means": "visit"}),
    "oracle": ("Oracle Health", {"a03_means": "visit"}),
}
