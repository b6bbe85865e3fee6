"""A whole file judged before any of it is stored: which mapping reads it, what must be asked, which rows are bad. Pure.

Two passes by streaming: shapes and orders of dates first, then every row as it would be applied.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from integrations.context import Context
from integrations.csvfile import presets, values
from integrations.csvfile.cells import Layout, Problem
from integrations.csvfile.fields import DATES, FIELDS, WHOLE
from integrations.csvfile.mapping import (
    BadMapping,
    ColumnPlan,
    FileMapping,
    check,
    difference,
    fingerprint,
    missing_key,
)
from integrations.csvfile.statements import RowRead, read_row
from integrations.csvfile.tables import Broken, Row, Table, normal

PREVIEW = 20
KEPT_PROBLEMS = 10_000  # of one file, as rows to fix; all are counted
_BITS = 1 << 26


@dataclass
class Verdict:
    """What a file is. `code` is empty where it can be applied with `mapping`; else a person is asked, and why.

    `rows`: data rows read; `preview`: the first 20 as read; `bad`: rows that cannot be used; `repeated`: row numbers
    whose thing stands in the file again; `ask`: columns whose dates read two ways.
    """

    code: str = ""
    reason: str = ""
    rows: int = 0
    header: list[str] | None = None
    preview: list[list[str]] = field(default_factory=list)
    mapping: FileMapping | None = None
    bad: int = 0
    problems: list[Problem] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    ask: list[str] = field(default_factory=list)
    repeated: set[int] = field(default_factory=set)
    digest: str = ""
    sheets: list[str] = field(default_factory=list)

    @property
    def fingerprint(self) -> str:
        """By which the layout is remembered; empty without a header."""
        return fingerprint(self.header) if self.header else ""

    def flag(self, *codes: str) -> None:
        """Note once."""
        self.flags += [code for code in dict.fromkeys(codes) if code not in self.flags]

    def hold(self, code: str, reason: str) -> "Verdict":
        """A person is asked."""
        self.code, self.reason = code, reason
        return self


def known_mapping(header: Sequence[str], settings: Mapping[str, Any], preset: str) -> FileMapping | None:
    """What reads this header: what a person confirmed, else the feed's `columns`, else the preset's layout."""
    told = settings.get("mappings", {}).get(fingerprint(header))
    found = FileMapping.from_json(told) if told else None
    columns: Mapping[str, str] = settings.get("columns", {})
    if found is None and columns and set(columns) <= {normal(name) for name in header}:
        found = FileMapping({name: ColumnPlan(one) for name, one in columns.items()}, source="columns")
    if found is None:
        found = presets.find(preset, header)
    if found is None:
        return None
    if settings.get("blank_clears"):
        found.blank_clears = True
    for plan in found.columns.values():
        if plan.field and FIELDS[plan.field].reads in DATES and not plan.order:
            plan.order = settings.get("dates", "")
    return found


def nameless(width: int) -> list[str]:
    """The names of columns in a file without a header."""
    return [f"Column {number}" for number in range(1, width + 1)]


def judge_table(
    table: Table, context: Context, preset: str, *, mapping: FileMapping | None = None,
    on_row: Callable[[RowRead], None] | None = None,
) -> Verdict:  # fmt: skip
    """Judge a file. `mapping` is a person's, to be tried; `on_row` gets every row as it was read."""
    if table.header is None:
        names = nameless(table.width)
        if mapping is not None or fingerprint(names) in context.settings.get("mappings", {}):
            table.header = names
    verdict = Verdict(header=table.header)
    verdict.flag(*table.flags)
    chosen = mapping
    if chosen is None and table.header:
        chosen = known_mapping(table.header, context.settings, preset)
    try:
        evidence = _first_pass(table, verdict, chosen)
    except Broken as broken:
        return verdict.hold(broken.code, broken.reason)
    if not verdict.rows:
        return verdict.hold("no_rows", "The file has no rows of data.")
    if held := _held_by_header(table, verdict, chosen, context.settings):
        return held
    assert chosen is not None  # noqa: S101  (else it is held)
    assert table.header is not None  # noqa: S101  (a file without a header is held before)
    verdict.mapping = chosen
    if table.epoch != 1900:
        chosen.epoch = table.epoch
    chosen.mark = evidence.mark or chosen.mark
    if held := _decide_orders(verdict, chosen, evidence):
        return held
    _second_pass(table, verdict, chosen, context, evidence, on_row)
    limit = context.settings.get("bad_rows", 20)
    if verdict.bad * 100 > limit * verdict.rows:
        first = verdict.problems[0].sentence()
        return verdict.hold(
            "too_many_bad_rows",
            f"{verdict.bad} of {verdict.rows} rows cannot be used (over {limit} %). First: {first}",
        )
    return verdict


def _held_by_header(
    table: Table, verdict: Verdict, chosen: FileMapping | None, settings: Mapping[str, Any]
) -> Verdict | None:
    if table.header is None:
        return verdict.hold("mapping_needed", "The first row is data already; expected a row with the columns' names.")
    counted = Counter(normal(name) for name in table.header)
    if twice := [name for name in table.header if name and counted[normal(name)] > 1]:
        return verdict.hold("duplicate_header", f"Two columns are called “{twice[0]}”; expected a name for each.")
    if chosen is None:
        return verdict.hold("mapping_needed", _what_is_new(table.header, settings))
    try:
        check(chosen)
    except BadMapping as problem:
        return verdict.hold("mapping_needed", f"The columns' meaning is not settled: {problem}.")
    return None


def _what_is_new(header: Sequence[str], settings: Mapping[str, Any]) -> str:
    """In words: an unknown layout, or how it differs from the one that was confirmed before and is most like it."""
    if all(normal(name) in FIELDS for name in header):
        return f"No column is {missing_key({normal(name) for name in header})}."
    known = [FileMapping.from_json(told) for told in settings.get("mappings", {}).values()]
    names = {normal(name) for name in header}
    near = [one for one in known if len(names & set(one.columns)) * 2 > len(names | set(one.columns))]
    if not near:
        return "These columns are new here; say once what they mean and it is remembered."
    new, gone = difference(header, max(near, key=lambda one: len(names & set(one.columns))))
    told = [f"new: {', '.join(new)}"] * bool(new) + [f"gone: {', '.join(gone)}"] * bool(gone)
    return f"The columns have changed since the last file ({'; '.join(told)})."


@dataclass
class _Evidence:
    """What the first pass saw: how often each date column's values fit each order; rows that may be repeated."""

    fits: dict[int, Counter[str]] = field(default_factory=dict)  # dmy, mdy, both, neither
    mark: str = ""
    seen: bytearray = field(default_factory=bytearray)


def _first_pass(table: Table, verdict: Verdict, chosen: FileMapping | None) -> _Evidence:
    evidence = _Evidence()
    header = table.header or []
    dates = [index for index, _name, _plan in chosen.date_columns(header)] if chosen else []
    numbers = [i for i, _n, plan in chosen.places(header) if FIELDS[plan.field].reads == WHOLE] if chosen else []
    evidence.fits = {index: Counter() for index in dates}
    shown: list[str] = []
    digest = hashlib.sha256()
    try:
        for row in table.rows():
            verdict.rows += 1
            if verdict.rows <= PREVIEW:
                verdict.preview.append(_clean(row.cells))
            if row.flags:
                verdict.flag(*row.flags)
            digest.update("\x1f".join(row.cells).encode("utf-8", "surrogatepass"))
            for index in dates:
                if index < len(row.cells) and row.cells[index].strip():
                    orders = values.orders_of(row.cells[index])
                    if orders is not None:
                        evidence.fits[index]["both" if len(orders) == 2 else min(orders, default="neither")] += 1
            shown += [row.cells[i] for i in numbers if i < len(row.cells) and len(shown) < 1000]
    except Broken as broken:
        verdict.rows = verdict.rows or broken.rows
        raise
    verdict.digest = digest.hexdigest()
    evidence.mark = values.decimal_mark(shown)
    return evidence


def _clean(cells: Iterable[str]) -> list[str]:
    return [cell.encode("utf-8", "replace").decode() for cell in cells]


def _decide_orders(verdict: Verdict, chosen: FileMapping, evidence: _Evidence) -> Verdict | None:
    """Give each date column its order by the values that fit one alone; hold where every value fits both."""
    header = verdict.header or []
    for index, name, plan in chosen.date_columns(header):
        fits = evidence.fits.get(index, Counter())
        if plan.order or not fits:
            continue
        if fits[values.DMY] != fits[values.MDY]:
            plan.order = max(values.ORDER_NAMES, key=lambda order: fits[order])
        elif fits["both"] or fits[values.DMY]:
            verdict.ask.append(name)
    if verdict.ask:
        named = ", ".join(f"“{name}”" for name in verdict.ask)
        return verdict.hold(
            "mapping_needed",
            f"The dates in {named} can be day/month or month/day; say once which (dates=dmy or dates=mdy).",
        )
    return None


def _second_pass(
    table: Table, verdict: Verdict, chosen: FileMapping, context: Context, evidence: _Evidence,
    on_row: Callable[[RowRead], None] | None,
) -> None:  # fmt: skip
    layout = Layout(verdict.header or [], chosen)
    repeats = _Repeats()
    for read in read_rows(table.rows(), layout, context):
        verdict.flag(*read.flags)
        if read.problem is not None:
            verdict.bad += 1
            if len(verdict.problems) < KEPT_PROBLEMS:
                verdict.problems.append(read.problem)
        elif repeats.seen(read.key):
            verdict.flag("repeated_id")
            if len(verdict.repeated) < KEPT_PROBLEMS:
                verdict.repeated.add(read.number)
        if on_row is not None:
            on_row(read)
    del evidence


def read_rows(rows: Iterable[Row], layout: Layout, context: Context) -> Iterator[RowRead]:
    """Every row as it would be applied."""
    for row in rows:
        read = read_row(layout, row.number, row.cells, context, extract=context.received_at)
        read.flags = [*row.flags, *read.flags]
        yield read


class _Repeats:
    """Which keys came before, in 8 MB whatever their number; one in some thousand is taken for a repeat wrongly.

    Only a flag hangs on it: of two rows about one thing the later one wins by order in any case.
    """

    def __init__(self) -> None:
        self.bits = bytearray(_BITS // 8)

    def seen(self, key: str) -> bool:
        digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        before = True
        for start in (0, 4, 8, 12):
            place = int.from_bytes(digest[start : start + 4], "big") % _BITS
            byte, bit = place >> 3, 1 << (place & 7)
            before = before and bool(self.bits[byte] & bit)
            self.bits[byte] |= bit
        return before
