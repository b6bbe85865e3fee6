"""One row's cells by our fields, each read the way its field wants it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from integrations.context import Context
from integrations.csvfile import values
from integrations.csvfile.fields import BIRTH, DATE, FIELDS, ID, MOMENT, OF_PATIENT, WHOLE
from integrations.csvfile.mapping import ColumnPlan, FileMapping
from integrations.hl7v2.fields import Moment

SHOWN = 60  # characters of a cell that an error shows
EXPECTED = {
    DATE: "a date such as 2026-03-31", BIRTH: "a date such as 1985-03-31", MOMENT: "a date such as 2026-03-31 14:30",
    WHOLE: "a whole number", ID: "the whole number as text; a spreadsheet has shortened it",
}  # fmt: skip


@dataclass(frozen=True)
class Problem:
    """Why a row cannot be used: the column as written, a code, what was seen and what was expected."""

    row: int
    column: str
    code: str
    seen: str
    expected: str

    def sentence(self) -> str:
        """`Row 14, birth_date: “31/02/1980”, expected a date such as 1985-03-31.`"""
        place = f"Row {self.row}" + (f", {self.column}" if self.column else "")
        return f"{place}: {f'“{self.seen[:SHOWN]}”' if self.seen else 'empty'}; expected {self.expected}."


class RowRefused(Exception):
    """Ends the reading of a row."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.code)


class Layout:
    """A header under a mapping, ready to read rows: columns looked up once."""

    def __init__(self, header: Sequence[str], mapping: FileMapping) -> None:
        self.header, self.mapping = list(header), mapping
        self.width = len(header)
        self.places: dict[str, list[tuple[int, str, ColumnPlan]]] = {}
        for place in mapping.places(header):
            self.places.setdefault(place[2].field, []).append(place)
        self.fields = mapping.fields()
        self.tells_person = bool(self.fields & OF_PATIENT)

    def column(self, name: str) -> str:
        """How the file calls one of our fields."""
        return self.places[name][0][1] if name in self.places else name


class Cells:
    """One row's cells by our fields, read as the fields want it."""

    def __init__(self, layout: Layout, number: int, cells: Sequence[str], context: Context) -> None:
        self.layout, self.number, self.context = layout, number, context
        self.cells = [cell.strip() for cell in cells]
        self.flags: list[str] = []

    def text(self, name: str) -> str:
        """The first cell of a field that is not empty; else the constant of the layout."""
        for index, _column, _plan in self.layout.places.get(name, ()):
            if index < len(self.cells) and self.cells[index]:
                return self.cells[index]
        return self.layout.mapping.constants.get(name, "")

    def texts(self, name: str) -> list[str]:
        """Every cell of a field that is not empty."""
        return [
            self.cells[i] for i, _c, _p in self.layout.places.get(name, ()) if i < len(self.cells) and self.cells[i]
        ]

    def clears(self, name: str) -> bool:
        """The field has a column, it is empty here, and empty means: delete."""
        return self.layout.mapping.blank_clears and name in self.layout.places and not self.text(name)

    def refuse(self, name: str, code: str, expected: str, seen: str | None = None) -> RowRefused:
        """The row cannot be used because of this field."""
        told = self.text(name) if seen is None else seen
        return RowRefused(Problem(self.number, self.layout.column(name), code, told, expected))

    def flag(self, code: str) -> None:
        """Note once what was read around."""
        if code not in self.flags:
            self.flags.append(code)

    def id(self, name: str) -> str:
        """An id; RowRefused for one that a spreadsheet has rounded."""
        told = self.text(name)
        read = values.identifier(told)
        if read is None:
            raise self.refuse(name, "id_rounded", EXPECTED[ID])
        return read

    def stamp(self, name: str) -> values.Stamp | None:
        """A date; None where the cell is empty. RowRefused where it is none."""
        told = self.text(name)
        if not told:
            return None
        place = self.layout.places.get(name)
        birth = self.context.received_at.date() if FIELDS[name].reads == BIRTH else None
        read = values.stamp(
            told, order=place[0][2].order if place else "", epoch=self.layout.mapping.epoch, birth=birth
        )
        if read is None:
            raise self.refuse(name, "date_unreadable", EXPECTED[FIELDS[name].reads])
        return read

    def moment(self, name: str, clinic: str, clock: str = "") -> Moment | None:
        """A moment in the clinic's zone; None where the cell is empty. RowRefused where it is none."""
        told = self.stamp(name)
        if told is None:
            return None
        read = values.moment(told, self.context.zone_of(clinic), self.text(clock) if clock else "")
        if read is None:
            raise self.refuse(clock or name, "time_unreadable", "a time such as 14:30")
        if read.shifted:
            self.flag(read.shifted)
        return read

    def day(self, name: str) -> str | None:
        """A date without time, ISO; None where the cell is empty."""
        told = self.stamp(name)
        return told.day.isoformat() if told else None

    def whole(self, name: str, highest: int) -> int | None:
        """A whole number from 0 to `highest`; None where the cell is empty. RowRefused where it is none."""
        told = self.text(name)
        if not told:
            return None
        read = values.whole(told, mark=self.layout.mapping.mark)
        if read is None or not 0 <= read <= highest:
            raise self.refuse(name, "number_unreadable", f"{EXPECTED[WHOLE]} from 0 to {highest}")
        return read

    def code(self, name: str, feed_field: str = "") -> tuple[str, str]:
        """(the cell, what the feed's code map or the layout says that it is; empty where neither does)."""
        told = self.text(name)
        own = self.context.codes.get(feed_field or name, {})
        return told, own.get(told) or self.layout.mapping.codes.get(name, {}).get(told.casefold(), "")
