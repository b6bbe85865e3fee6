"""What the pages of an import show: a sample of the file, what its first row would become, the rows to fix."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from integrations.apply import context_of
from integrations.csvfile import mapping as mappings
from integrations.csvfile.cells import Layout
from integrations.csvfile.files import table_of
from integrations.csvfile.intake import file_of
from integrations.csvfile.judging import known_mapping, nameless
from integrations.csvfile.mapping import FileMapping
from integrations.csvfile.statements import RowRead, read_row
from integrations.csvfile.tables import Broken, Row
from integrations.facts import CLINIC, CLOSING, EPISODE, PATIENT, THERAPIST, VISIT
from integrations.models import ImportBatch, RowError
from prm import csv_cells
from prm.ui import words

SAMPLE = 20
SHOWN_ERRORS = 100
CODES = {
    "ready": "Ready to apply", "mapping_needed": "Say what the columns mean", "file_broken": "The file is broken",
    "duplicate_header": "Two columns have one name", "too_many_bad_rows": "Too many rows cannot be used",
    "no_rows": "No rows", "password": "Has a password", "macros_only": "Macros alone", "too_large": "Too large",
    "archive_refused": "Archive not taken",
}  # fmt: skip
ROW_CODES = {
    "date_unreadable": "Not a date", "time_unreadable": "Not a time", "number_unreadable": "Not a whole number",
    "id_rounded": "Number shortened by a spreadsheet", "key_missing": "No number", "code_unknown": "Unknown code",
    "ragged_row": "Wrong number of cells", "encoding": "Another encoding", "start_missing": "No start",
    "discharge_before_start": "Discharged before the start", "nothing_told": "Says nothing",
    "episode_ambiguous": "Which episode was closed?",
}  # fmt: skip


@dataclass
class Sample:
    """The head of a stored file as it would be read."""

    header: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    mapping: FileMapping = field(default_factory=FileMapping)

    @property
    def first(self) -> list[tuple[str, str]]:
        """(column, value) of the first row."""
        cells = self.rows[0].cells if self.rows else []
        return list(zip(self.header, [*cells, *[""] * len(self.header)], strict=False))

    def values(self, index: int) -> str:
        """Some values of a column, to recognise it by."""
        seen = [row.cells[index] for row in self.rows if index < len(row.cells) and row.cells[index].strip()]
        return ", ".join(dict.fromkeys(one[:24] for one in seen[:3]))


def sample(batch: ImportBatch) -> Sample:
    """Read the first rows of a stored file, with the mapping that it has, or the one that suggests itself."""
    context = context_of(batch.feed, received_at=batch.created_at)
    settings = dict(context.settings)
    if batch.mapping.get("sheet"):
        settings["sheet"] = batch.mapping["sheet"]
    elif batch.counts.get("sheets"):
        settings["sheet"] = batch.counts["sheets"][0]
    found = Sample()
    try:
        table = table_of(file_of(batch), settings)
        found.header = table.header or nameless(table.width)
        for row in table.rows():
            found.rows.append(Row(row.number, [one.encode("utf-8", "replace").decode() for one in row.cells]))
            if len(found.rows) >= SAMPLE:
                break
    except Broken:
        return found
    known = FileMapping.from_json(batch.mapping) if batch.mapping.get("columns") else None
    known = known or known_mapping(found.header, settings, batch.feed.preset)
    found.mapping = known or mappings.suggested(found.header)
    found.mapping.sheet = str(batch.mapping.get("sheet", ""))
    return found


def would_write(batch: ImportBatch, found: Sample, *, now: datetime) -> list[tuple[str, str]]:
    """(what, value) that the first row would bring, in words; why not, where it cannot be used."""
    if not found.rows:
        return []
    context = context_of(batch.feed, received_at=now)
    layout = Layout(found.header, found.mapping)
    read = read_row(layout, found.rows[0].number, found.rows[0].cells, context, extract=now)
    if read.problem is not None:
        return [("Cannot be used", read.problem.sentence())]
    return list(_in_words(read, context.zone))


def _in_words(read: RowRead, zone: ZoneInfo) -> Iterator[tuple[str, str]]:
    for fact in read.facts:
        told = fact.values
        if fact.entity == PATIENT:
            name = told.get("name") or {}
            yield "Patient", f"{name.get('first', '')} {name.get('last', '')}".strip() or read.patient.partition("|")[2]
            for unit, label in (("birth_date", "Born"), ("phone", "Phone"), ("email", "E-mail")):
                if told.get(unit):
                    yield label, str(told[unit])
            if address := told.get("address"):
                yield "Address", ", ".join(str(one) for one in address.values())
        elif fact.entity in {EPISODE, CLOSING}:
            yield "Case", fact.key.partition("|")[2] if fact.entity == EPISODE else "the one that is open then"
            for unit, label in (("opened", "Opened"), ("discharge", "Discharged")):
                if at := _moment(told.get(unit), zone):
                    yield label, at
        elif fact.entity == VISIT:
            yield "Visit", _moment(told.get("schedule") or told.get("clinical_times"), zone)
            yield "Status", str(told.get("schedule_status") or told.get("clinical") or "").replace("_", "-")
            if told.get("kind"):
                yield "Kind", str(told["kind"]).replace("_", "-")
        elif fact.entity == CLINIC:
            yield "Clinic", told["name"]["name"]
        elif fact.entity == THERAPIST and "name" in told:
            yield "Therapist", f"{told['name']['first']} {told['name']['last']}".strip()


def _moment(told: Any, zone: ZoneInfo) -> str:
    at = told.get("at") if isinstance(told, dict) else told
    if not isinstance(at, str):
        return ""
    local = datetime.fromisoformat(at).astimezone(zone)
    return words.day(local.date()) if isinstance(told, dict) and told.get("day") else words.moment(local)


def entities(batch: ImportBatch) -> dict[str, int]:
    """What its applied chunks spoke of: kind of thing to number."""
    found: Counter[str] = Counter()
    for told in batch.messages.filter(state="applied").values_list("entities", flat=True):
        found.update(told)
    return dict(found)


def errors(batch: ImportBatch) -> list[dict[str, Any]]:
    """The first rows to fix: row, column, what was seen and what was expected."""
    found = RowError.objects.filter(batch=batch).order_by("row")[:SHOWN_ERRORS]
    return [
        {"row": one.row, "column": one.column, "seen": one.text(), "expected": one.expected,
         "title": ROW_CODES.get(one.code, one.code.replace("_", " ").capitalize())}
        for one in found
    ]  # fmt: skip


def bad_rows_csv(batch: ImportBatch) -> str:
    """The rows to fix as CSV: row, column, problem, seen, expected."""
    found = RowError.objects.filter(batch=batch).order_by("row")
    return csv_cells.document(
        ["row", "column", "problem", "seen", "expected"],
        ([one.row, one.column, ROW_CODES.get(one.code, one.code), one.text(), one.expected] for one in found),
    )
