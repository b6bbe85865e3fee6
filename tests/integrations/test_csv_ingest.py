"""`manage.py ingest` of files of rows: one line a row, one line for a file that a person must look at."""

import io
import json
import zipfile
from io import StringIO

import pytest
from django.core.management import call_command

from integrations.models import Feed, ImportBatch, RowError
from patients.models import Episode, Patient, Visit
from tests.integrations.workbooks import Day, Formula, locked, xls, xlsx

HEADER = "patient_id,first_name,last_name,birth_date,phone,postal_code,visit_id,visit_start,visit_status\n"
ROWS = (
    "0042,Ruth,Abara,1955-03-03,415-555-0123,08123,V1,2026-03-02 09:30,completed\n"
    "0042,Ruth,Abara,1955-03-03,415-555-0123,08123,V2,2026-03-05 09:30,booked\n"
    "77,Sam,Li,1980-12-31,,94607,V3,2026-03-02 10:00,no-show\n"
)


@pytest.fixture
def feed(practice):
    call_command("feed", "add", "--practice", practice.slug, "--name", "Files", "--kind", "csv", "--preset", "generic",
                 stdout=StringIO())  # fmt: skip
    return Feed.objects.get(name="Files")


def ingest(feed, path, *more):
    out = StringIO()
    call_command(
        "ingest", str(path), "--practice", feed.practice.slug, "--feed", feed.name, "--json", *more, stdout=out
    )
    return [json.loads(line) for line in out.getvalue().splitlines()]


def write(tmp_path, content, name="rows.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def outcomes(lines):
    return [(line["outcome"], line["code"]) for line in lines]


def test_rows_become_patients_and_visits_with_one_line_each(feed, tmp_path):
    path = write(tmp_path, HEADER + ROWS)

    lines = ingest(feed, path)

    assert outcomes(lines) == [("applied", "")] * 3
    assert [line["ref"] for line in lines] == [f"{path}#{number}" for number in (2, 3, 4)]
    assert lines[0]["entities"] == {"patient": 1, "visit": 1}
    people = {p.last_name: (p.first_name, p.birth_date.isoformat(), p.phone, p.address.get("postal_code"))
              for p in Patient.objects.all()}  # fmt: skip
    assert people == {
        "Abara": ("Ruth", "1955-03-03", "+14155550123", "08123"), "Li": ("Sam", "1980-12-31", "", "94607"),
    }  # fmt: skip
    assert sorted((v.starts_at.isoformat(), v.status) for v in Visit.objects.all()) == [
        ("2026-03-02T14:30:00+00:00", "completed"), ("2026-03-02T15:00:00+00:00", "no_show"),
        ("2026-03-05T14:30:00+00:00", "booked"),
    ]  # fmt: skip
    assert Episode.objects.count() == 2


def test_the_same_file_again_is_a_duplicate(feed, tmp_path):
    path = write(tmp_path, HEADER + ROWS)
    ingest(feed, path)

    assert outcomes(ingest(feed, path)) == [("duplicate", "")] * 3


def test_a_dry_run_tells_the_same_and_stores_nothing(feed, tmp_path):
    path = write(tmp_path, HEADER + ROWS)

    assert outcomes(ingest(feed, path, "--dry-run")) == [("applied", "")] * 3
    assert (Patient.objects.count(), ImportBatch.objects.count()) == (0, 0)


def test_an_unknown_header_holds_the_file_with_a_preview(feed, tmp_path):
    path = write(tmp_path, "Kundennr;PLZ;Wert\n0001;08123;1,5\n0002;00501;2,5\n")

    for more in ((), ("--dry-run",)):
        (line,) = ingest(feed, path, *more)
        assert (line["outcome"], line["code"], line["rows"]) == ("dead", "mapping_needed", 2)
        assert line["preview"] == [["0001", "08123", "1,5"], ["0002", "00501", "2,5"]]
    assert ImportBatch.objects.get().state == "held"


def test_bad_rows_are_told_and_the_rest_applies(feed, tmp_path):
    rows = "".join(f"{n},A,B{n},1980-01-0{n},,,V{n},2026-03-02 10:00,completed\n" for n in range(1, 9))
    bad = "9,A,B,31/02/1980,,,V9,2026-03-02 10:00,completed\n"
    lines = ingest(feed, write(tmp_path, HEADER + rows + bad))

    assert outcomes(lines) == [("applied", "")] * 8 + [("dead", "date_unreadable")]
    assert "Row 10, birth_date: “31/02/1980”" in lines[-1]["reason"]
    assert list(RowError.objects.values_list("row", "column", "code")) == [(10, "birth_date", "date_unreadable")]
    assert RowError.objects.get().text() == "31/02/1980"


def test_an_ambiguous_date_column_is_asked(feed, tmp_path):
    text = "patient_id,last_name,birth_date\n1,A,03/04/1980\n2,B,05/06/1981\n"
    (line,) = ingest(feed, write(tmp_path, text))
    assert (line["outcome"], line["code"]) == ("dead", "mapping_needed")
    assert "“birth_date”" in line["reason"]

    clear = ingest(feed, write(tmp_path, text + "3,C,03/25/1980\n", "clear.csv"))

    assert outcomes(clear) == [("applied", "")] * 3
    assert {p.birth_date.isoformat() for p in Patient.objects.all()} == {"1980-03-04", "1981-05-06", "1980-03-25"}


def test_a_workbook_is_read_as_its_cells_show(feed, tmp_path):
    header = HEADER.strip().split(",")
    rows = [
        [], header,
        [12345.0, "José", Formula('="M"&"uñoz"|Muñoz'), Day(29222.0), "415-555-0123", "08123", 1.0, Day(46083.5),
         "kept"],
    ]  # fmt: skip

    (line,) = ingest(feed, write(tmp_path, xlsx(("Data", rows), ("Sheet2", [])), "rows.xlsx"))

    assert (line["outcome"], line["ref"][-2:]) == ("applied", "#3")
    patient = Patient.objects.get()
    assert (patient.first_name, patient.last_name, patient.birth_date.isoformat()) == ("José", "Muñoz", "1980-01-02")
    assert patient.address["postal_code"] == "08123"
    assert Visit.objects.get().starts_at.isoformat() == "2026-03-02T17:00:00+00:00"  # noon in New York


ROW = ["7", "A", "B", "1980-01-01", "", "", "V1", "2026-01-02", "booked"]


@pytest.mark.parametrize(
    ("content", "name", "told"),
    [
        (locked(), "rows.xlsx", ("rejected", "password", 0)),
        (xlsx(macros=True), "rows.xlsm", ("rejected", "macros_only", 0)),
        (xlsx(("One", [["a"], ["b"]]), ("Two", [["c"], ["d"]])), "rows.xlsx", ("dead", "mapping_needed", 1)),
        (xls([HEADER.strip().split(","), ROW]), "rows.xls", ("applied", "", None)),
        (xlsx(("One", [["a", "b"]]))[:600], "rows.xlsx", ("dead", "file_broken", 0)),
        (b"", "rows.csv", ("ignored", "no_rows", 0)),
        (HEADER, "rows.csv", ("ignored", "no_rows", 0)),
        ("1,Ruth,1980-01-01\n2,Sam,1981-02-03\n", "rows.csv", ("dead", "mapping_needed", 2)),
        ("patient_id,last_name,last_name\n1,A,B\n", "rows.csv", ("dead", "duplicate_header", 1)),
        ("first_name,last_name\nA,B\n", "rows.csv", ("dead", "mapping_needed", 1)),
        (HEADER + ROWS + '8,"A,B\n9,C,D\n', "rows.csv", ("dead", "file_broken", 3)),
        (HEADER + "1,A,B,1980-13-01,,,V,2026-01-01,booked\n", "rows.csv", ("dead", "too_many_bad_rows", 1)),
        (b"%PDF-1.7 \x00\x01\x02", "rows.csv", ("dead", "file_broken", 0)),
    ],
)
def test_each_odd_file_has_one_line(feed, tmp_path, content, name, told):
    (line,) = ingest(feed, write(tmp_path, content, name))

    assert (line["outcome"], line["code"], line.get("rows")) == told
    assert line["code"] == "" or line["reason"]


def test_an_open_quote_is_named_by_its_line(feed, tmp_path):
    (line,) = ingest(feed, write(tmp_path, HEADER + ROWS + '8,"A,B\n9,C,D\n'))
    assert line["reason"].startswith("Line 5: ")
    assert len(line["preview"]) == 3


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_every_encoding_and_delimiter_reads_the_same(feed, tmp_path, encoding, delimiter):
    text = "Nummer,Straße,PLZ\n0001,Königstraße 5 – hinten,08123\n0002,Allee 7,00501\n".replace(",", delimiter)
    (line,) = ingest(feed, write(tmp_path, text.encode(encoding)), "--dry-run")
    assert line["columns"] == ["Nummer", "Straße", "PLZ"]
    assert line["preview"] == [["0001", "Königstraße 5 – hinten", "08123"], ["0002", "Allee 7", "00501"]]


def test_lines_of_another_encoding_nul_and_ragged_rows_are_told_one_by_one(feed, tmp_path):
    good = [f"{n},José,B{n},1980-01-0{n},,,V{n},2026-03-02 10:00,kept\n".encode() for n in range(1, 9)]
    good[2] = good[2].replace(b"Jos", b"J\0os")
    odd = ["9,José,B,1980-01-01,,,V9,2026-03-02,kept\n".encode("cp1252"), b"10,A,B\n"]
    lines = ingest(feed, write(tmp_path, HEADER.encode() + b"".join([*good, *odd])))

    assert outcomes(lines) == [("applied", "")] * 8 + [("dead", "encoding"), ("dead", "ragged_row")]
    assert [line["flags"] for line in lines[:4]] == [[], [], ["nul_removed"], []]
    assert set(Patient.objects.values_list("first_name", flat=True)) == {"José"}


def test_of_two_rows_about_one_thing_the_later_change_wins_else_the_later_row(feed, tmp_path):
    header = "patient_id,last_name,updated_at\n"
    ingest(feed, write(tmp_path, header + "1,New,2026-05-02 10:00\n1,Old,2026-05-01 10:00\n"))
    ingest(feed, write(tmp_path, "patient_id,last_name\n2,First\n2,Second\n", "plain.csv"))
    lines = ingest(feed, write(tmp_path, "patient_id,last_name\n3,A\n3,B\n", "again.csv"))

    assert set(Patient.objects.values_list("last_name", flat=True)) == {"New", "Second", "B"}
    assert [line["flags"] for line in lines] == [[], ["repeated_id"]]


def test_an_archive_is_read_file_by_file_and_one_with_folders_is_refused(feed, tmp_path):
    for name, told in (("{}.csv", [("applied", "")] * 3 + [("dead", "mapping_needed")]), ("../{}.csv", [
        ("rejected", "archive_refused")])):  # fmt: skip
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr(name.format("a"), HEADER + ROWS)
            archive.writestr(name.format("b"), "x,y\n1,2\n")
        assert outcomes(ingest(feed, write(tmp_path, out.getvalue(), f"{len(name)}.zip"))) == told


def test_a_visit_of_an_unknown_patient_waits_and_a_discharge_without_a_case_is_told(feed, tmp_path):
    visits = "patient_id,visit_id,visit_start,visit_status\n5,V1,2026-03-02 10:00,kept\n"
    assert outcomes(ingest(feed, write(tmp_path, visits, "visits.csv"))) == [("dead", "waiting")]
    people = "patient_id,last_name\n5,A\n6,B\n"
    assert outcomes(ingest(feed, write(tmp_path, people, "people.csv"))) == [("applied", "")] * 2
    assert Visit.objects.get().patient.last_name == "A"

    closings = "patient_id,discharged\n5,2026-03-20\n"
    assert outcomes(ingest(feed, write(tmp_path, closings, "closed.csv"))) == [("applied", "")]
    assert Episode.objects.get().status == "discharged"


def test_reading_all_messages_again_gives_the_same_facts(feed, tmp_path):
    ingest(feed, write(tmp_path, HEADER + ROWS))
    out = StringIO()
    call_command("facts_rebuild", "--practice", feed.practice.slug, "--check", stdout=out)
    assert "0" in out.getvalue()
