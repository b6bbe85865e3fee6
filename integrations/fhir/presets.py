"""What is publicly known of the EMRs that speak FHIR (integrations.md §4)."""

from collections.abc import Mapping
from typing import Any

PRESETS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "generic": ("Other EMR with FHIR R4", {}),
    "athenahealth": ("athenahealth", {}),
    "epic": ("Epic", {}),
    "oracle": ("Oracle Health", {}),
    "theraoffice": ("TheraOffice (CareConnect)", {}),
    "openemr": ("OpenEMR", {}),
}
