"""Body regions, and which one an ICD-10-CM code means: `data/icd10_regions.csv`, the longest prefix wins.

The table was written for this product from the public structure of ICD-10-CM (chapters 6, 13, 18, 19, 21); its third
column says at which character of the code, dots left out, the side stands (1 right, 2 left, 3 or 0 both), counted
from 1; empty where the category has none there. Codes that were retired (M54.5) keep their region by their prefix.
"""

import csv
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from django.utils.translation import gettext_lazy as _

REGIONS = (
    "neck", "thoracic", "low_back", "shoulder", "elbow", "wrist_hand", "hip", "knee", "ankle_foot", "jaw",
    "pelvic_floor", "balance", "neurological", "other",
)  # fmt: skip

LABELS = {
    "neck": _("Neck"), "thoracic": _("Mid back"), "low_back": _("Low back"), "shoulder": _("Shoulder"),
    "elbow": _("Elbow"), "wrist_hand": _("Wrist and hand"), "hip": _("Hip"), "knee": _("Knee"),
    "ankle_foot": _("Ankle and foot"), "jaw": _("Jaw"), "pelvic_floor": _("Pelvic floor"), "balance": _("Balance"),
    "neurological": _("Neurological"), "other": _("Other"),
}  # fmt: skip

_TABLE = Path(__file__).parent / "data" / "icd10_regions.csv"
_SIDES = {"1": "right", "2": "left", "3": "bilateral"}
# Joint replacement Z96.6: the sixth character; injuries (S): the last character before the extension varies by block.
_SURGICAL = ("Z47", "Z48", "Z966")


@lru_cache(maxsize=1)
def table() -> dict[str, tuple[str, int]]:
    """Prefix without dots to (region, position of the side's character or 0)."""
    with _TABLE.open(newline="") as lines:
        return {
            row["prefix"].replace(".", ""): (row["region"], int(row["side_at"] or 0)) for row in csv.DictReader(lines)
        }


def _plain(code: str) -> str:
    return code.upper().replace(".", "").strip()


def _found(code: str) -> tuple[str, int]:
    prefixes = table()
    for length in range(len(code), 2, -1):
        if code[:length] in prefixes:
            return prefixes[code[:length]]
    return "other", 0


@lru_cache(maxsize=8192)
def region_of(code: str) -> str:
    """The region of an ICD-10-CM code, dots optional, any case; `other` where the table knows none."""
    return _found(_plain(code))[0]


@lru_cache(maxsize=8192)
def side_of(code: str) -> str:
    """left, right or bilateral where the code's category tells sides at a known place, else empty."""
    plain = _plain(code)
    if plain.startswith("Z966") and len(plain) == 6:
        return _SIDES.get(plain[5], "")
    if plain[:1] == "S" and len(plain) >= 6:
        return _injury_side(plain)
    if plain[:3] in {"M16", "M17"} and len(plain) == 4 and plain[3] in {"0", "2", "4", "6"}:
        return "bilateral"
    _region, at = _found(plain)
    return _SIDES.get(plain[at - 1], "") if 0 < at <= len(plain) else ""


def _injury_side(plain: str) -> str:
    """Injuries of limbs (S40-S99) tell the side at the sixth character, contusions at the fifth."""
    if plain[1:3] < "40":
        return ""
    at = 5 if plain[2] == "0" and plain[5:6] == "X" else 6
    return {"1": "right", "2": "left"}.get(plain[at - 1], "")


def regions_of(codes: Iterable[str]) -> list[str]:
    """The regions of several codes in their order, each once; `other` only where no code tells more."""
    found = list(dict.fromkeys(region_of(code) for code in codes))
    return [region for region in found if region != "other"] or found


def is_post_surgical(codes: Iterable[str]) -> bool:
    """True where a code says aftercare of surgery or a joint implant (Z47, Z48, Z96.6x)."""
    return any(_plain(code).startswith(_SURGICAL) for code in codes)
