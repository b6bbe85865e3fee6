"""Layouts that are publicly known, and the settings that follow from a product (integrations.md §4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from integrations.csvfile.fields import FIELDS
from integrations.csvfile.mapping import ColumnPlan, FileMapping, missing_key
from integrations.csvfile.tables import normal

PRESETS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "generic": ("Any file with a header", {}),
}  # fmt: skip


@dataclass(frozen=True)
class Layout:
    """One table of a product: its columns by normal name (empty: known and not needed), and what holds for all rows."""

    name: str
    columns: Mapping[str, str]
    needed: frozenset[str]  # columns by which the table is recognised
    constants: Mapping[str, str]
    codes: Mapping[str, Mapping[str, str]]
    order: str = ""


LAYOUTS: Mapping[str, Sequence[Layout]] = {}


def find(preset: str, header: Sequence[str]) -> FileMapping | None:
    """The mapping that a preset has for a header: every column is known to it and a row can be told from another."""
    names = [normal(name) for name in header]
    if preset in ("", "generic"):
        if all(name in FIELDS for name in names) and not missing_key(set(names)):
            return FileMapping({name: ColumnPlan(name) for name in names}, source="generic")
        return None
    for layout in LAYOUTS.get(preset, ()):
        if layout.needed <= set(names):
            columns = {name: ColumnPlan(layout.columns.get(name, ""), layout.order) for name in names}
            codes = {field: dict(told) for field, told in layout.codes.items()}
            return FileMapping(
                columns, constants=dict(layout.constants), codes=codes, source=f"{preset}: {layout.name}"
            )
    return None
