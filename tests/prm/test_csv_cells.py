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


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_a_cell_that_would_run_gets_an_apostrophe(start):
    assert csv_cells.cell(f"{start}HYPERLINK(1)") == f"'{start}HYPERLINK(1)"


@given(value=st.text())
def test_any_text_comes_back_from_a_file_and_none_begins_as_a_formula(value):
    text = csv_cells.document(["word", value], [[value, None]])
    assert text.startswith("\ufeff")
    rows = list(csv.reader(StringIO(text[1:], newline="")))
    begins = ("=", "+", "-", "@", "\t", "\r", "\n")
    kept = f"'{value}" if value.startswith(begins) else value
    assert rows == [["word", kept], [kept, ""]]
    assert [cell for row in rows for cell in row if cell.startswith(begins)] == []


def test_nothing_else_in_the_product_writes_csv():
    writers = {
        str(path.relative_to(settings.BASE_DIR))
        for top in OURS
        for path in Path(settings.BASE_DIR, top).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in {"writer", "DictWriter"}
        and isinstance(node.value, ast.Name) and node.value.id == "csv"
    }  # fmt: skip
    assert writers == {"prm/csv_cells.py"}
