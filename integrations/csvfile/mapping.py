"""Which column means what: made by a person or a preset, remembered by the header's fingerprint. Pure."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from integrations.csvfile import values
from integrations.csvfile.fields import DATES, FIELDS, OF_EPISODE, OF_VISIT, suggest
from integrations.csvfile.tables import normal

SKIPPED = ""  # a column that nobody needs
ORDERS = (values.DMY, values.MDY)


class BadMapping(ValueError):
    """A mapping that cannot be: the text names the column and what is expected."""


@dataclass
class ColumnPlan:
    """What one column (by its normal name) is: our field, or nothing; the order of its dates where that was asked."""

    field: str = SKIPPED
    order: str = ""


@dataclass
class FileMapping:
    """How the rows of one layout are read. `columns`: by normal name. `mark`: the decimal mark.

    `blank_clears`: an empty cell deletes the value. `constants`: fields that hold for every row. `source`: who made
    it. `epoch`: what day numbers count from.
    """

    columns: dict[str, ColumnPlan] = field(default_factory=dict)
    mark: str = "."
    epoch: int = 1900
    blank_clears: bool = False
    constants: dict[str, str] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)  # field to the layout's own codes (presets)
    source: str = ""
    notes: bool = False  # rows tell what was done (notes, charges), not what is booked
    greatest_id: bool = False  # of bookings at one time for one patient the greatest number is the one
    window_days: int = 0  # a booking so far ahead that is no longer in the file was cancelled; 0: no such rule
    sheet: str = ""  # of a workbook with several

    def json(self) -> dict[str, Any]:
        """As settings and chunks keep it."""
        return asdict(self)

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "FileMapping":
        """Read `json()` again; what an older version wrote more is left out."""
        known = {name: told[name] for name in cls.__dataclass_fields__ if name in told}
        known["columns"] = {name: ColumnPlan(**plan) for name, plan in told.get("columns", {}).items()}
        return cls(**known)

    def fields(self) -> set[str]:
        """The fields that some column or constant gives."""
        return {plan.field for plan in self.columns.values()} - {SKIPPED} | set(self.constants)

    def places(self, header: Sequence[str]) -> list[tuple[int, str, ColumnPlan]]:
        """(index, column as written, plan) of the mapped columns of a header, from the left."""
        found = [(index, name, self.columns.get(normal(name))) for index, name in enumerate(header)]
        return [(index, name, plan) for index, name, plan in found if plan is not None and plan.field]

    def date_columns(self, header: Sequence[str]) -> list[tuple[int, str, ColumnPlan]]:
        """The places of dates."""
        return [one for one in self.places(header) if FIELDS[one[2].field].reads in DATES]


def fingerprint(header: Iterable[str]) -> str:
    """What a layout is remembered by: the set of its columns' normal names, whatever their order."""
    return hashlib.sha256("\x1f".join(sorted(normal(name) for name in header)).encode()).hexdigest()[:16]


def missing_key(fields: set[str]) -> str:
    """What no column says although the rows cannot be told apart without it; empty where nothing is missing."""
    if "patient_id" in fields:
        return ""
    if fields & {"therapist_id"} and not fields & (OF_VISIT | OF_EPISODE):
        return ""
    if fields & {"clinic_id"} and not fields & (OF_VISIT | OF_EPISODE):
        return ""
    if "case_id" in fields and fields & OF_EPISODE - {"case_id"}:
        return ""
    if "visit_id" in fields:
        return ""
    return "the patient's number"


def check(mapping: FileMapping) -> None:
    """BadMapping for an unknown field, a field given twice (diagnosis, phone and CPT may be), or a missing key."""
    seen: set[str] = set()
    for name, plan in mapping.columns.items():
        if plan.field and plan.field not in FIELDS:
            raise BadMapping(f"{name}: {plan.field!r} is none of our fields")
        if plan.field and plan.field in seen - {"diagnosis", "cpt", "home_phone", "phone", "email"}:
            raise BadMapping(f"{name}: another column is “{FIELDS[plan.field].label}” already")
        if plan.order and plan.order not in ORDERS:
            raise BadMapping(f"{name}: {plan.order!r} is no order of dates; expected dmy or mdy")
        seen.add(plan.field)
    if missing := missing_key(mapping.fields()):
        raise BadMapping(f"no column is {missing}")


def suggested(header: Sequence[str]) -> FileMapping:
    """What the columns probably mean, by our names and synonyms: shown to a person, never applied by itself."""
    found = FileMapping(source="suggested")
    taken: set[str] = set()
    for name in header:
        guess = suggest(normal(name))
        found.columns[normal(name)] = ColumnPlan("" if guess in taken else guess)
        taken.add(guess)
    return found


def difference(header: Sequence[str], known: FileMapping) -> tuple[list[str], list[str]]:
    """(new, gone): columns that the remembered layout has not, and those it had and the file has not."""
    names = {normal(name): name for name in header}
    return (
        [name for key, name in names.items() if key not in known.columns],
        sorted(set(known.columns) - set(names)),
    )
