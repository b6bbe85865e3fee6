"""B6: no cell of any CSV is a formula to a spreadsheet."""

import ast
import csv
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from prm import csv_cells

OURS = ("prm", "accounts", "patients", "messaging", "integrations", "campaigns", "nps", "hep", "portal", "dashboard")


STARTS = ["=", "+", "-", "@", "\t", "\r", "\n"]


@pytest.mark.parametrize("start", STARTS)
def test_b6_a_cell_that_would_run_gets_an_apostrophe(start):
    assert csv_cells.cell(f"{start}HYPERLINK(1)") == f"'{start}HYPERLINK(1)"


@given(value=st.text())
def test_b6_any_text_comes_back_from_a_file_and_none_begins_as_a_formula(value):
    text = csv_cells.document(["word", value], [[value, None]])
    assert text.startswith("\ufeff")
    rows = list(csv.reader(StringIO(text[1:], newline="")))
    begins = ("=", "+", "-", "@", "\t", "\r", "\n")
    kept = f"'{value}" if value.startswith(begins) else value
    assert rows == [["word", kept], [kept, ""]]
    assert [cell for row in rows for cell in row if cell.startswith(begins)] == []


READ_BY_OURSELVES = {  # no person opens it, and a cell must come back as it was
    "integrations/csvfile/chunks.py": "a part of a file that was sent in, packed for the table of raw messages",
    "integrations/csvfile/workbook_child.py": "what the process that opens a workbook hands to ours",
}


def test_b6_nothing_else_in_the_product_writes_csv(report):
    writers = {
        str(path.relative_to(settings.BASE_DIR))
        for top in OURS
        for path in Path(settings.BASE_DIR, top).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in {"writer", "DictWriter"}
        and isinstance(node.value, ast.Name) and node.value.id == "csv"
    }  # fmt: skip
    assert {"prm/csv_cells.py", *READ_BY_OURSELVES} <= writers
    unguarded = writers - {"prm/csv_cells.py", *READ_BY_OURSELVES}
    report("B6 writers of CSV that guard no cell", len(unguarded), 0, not unguarded)


def test_b6_no_cell_of_a_file_begins_as_a_formula(report):
    hostile = [f"{start}{rest}" for start in STARTS for rest in ("cmd|' /C calc'!A0", "1+1", 'HYPERLINK("x")', "")]
    text = csv_cells.document(hostile, [hostile, [f'"{cell}' for cell in hostile], [cell * 2 for cell in hostile]])
    cells = [cell for row in csv.reader(StringIO(text[1:], newline="")) for cell in row]
    formulas = [cell for cell in cells if cell.startswith(tuple(STARTS))]
    report(f"B6 formulas in {len(cells)} cells", len(formulas), 0, not formulas)
