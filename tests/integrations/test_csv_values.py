"""Readers of cells, and chunks: what holds for all of them (hypothesis), and the known traps by name."""

from datetime import UTC, date, datetime, time, timedelta
from io import BytesIO
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.csvfile import chunks, values
from integrations.csvfile.mapping import ColumnPlan, FileMapping, fingerprint
from integrations.csvfile.tables import Row, csv_table, normal
from integrations.csvfile.values import DMY, MDY

TODAY = date(2026, 11, 24)
days = st.dates(date(1890, 1, 1), date(2099, 12, 31))
text = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\x00"), max_size=20)
printed = st.text(st.characters(blacklist_categories=("Cs", "Cc")) | st.sampled_from('\r\n\t"'), max_size=20)


@given(days)
def test_a_date_reads_the_same_in_every_unambiguous_spelling(day):
    for told in (day.isoformat(), f"{day:%Y%m%d}", f"{day.year}/{day.month}/{day.day}", f"{day:%d-%b-%Y}",
                 f"{day:%B %d, %Y}", f"{day:%a, %d %b %Y}", f"{day.isoformat()}T00:00:00"):  # fmt: skip
        assert values.stamp(told).day == day


@given(days, st.sampled_from("/-."), st.booleans())
def test_a_date_in_numbers_needs_an_order_unless_one_alone_fits(day, mark, padded):
    pad = "02" if padded else ""
    dmy, mdy = (mark.join(f"{n:{pad}}" for n in pair) + f"{mark}{day.year}"
                for pair in ((day.day, day.month), (day.month, day.day)))  # fmt: skip
    assert values.stamp(dmy, order=DMY).day == day
    assert values.stamp(mdy, order=MDY).day == day
    orders = values.orders_of(dmy)
    if day.day == day.month:
        assert orders is None
    elif day.day > 12:
        assert orders == {DMY}
        assert values.stamp(dmy, order=MDY) is None
    else:
        assert orders == {DMY, MDY}
        assert values.stamp(dmy) is None  # asked, never guessed


@given(text)
def test_no_text_makes_a_reader_fail(told):
    values.stamp(told)
    values.orders_of(told)
    values.wall_time(told)
    values.whole(told)
    values.identifier(told)


@given(st.integers(10_000, 60_000), st.integers(0, 86_399))
def test_day_numbers_count_from_1900_or_1904(number, seconds):
    day = date(1899, 12, 30) + timedelta(days=number)
    assert values.stamp(str(number)).day == day
    assert values.stamp(f"{number}.0").wall is None
    assert values.stamp(str(number), epoch=1904).day == date(1904, 1, 1) + timedelta(days=number)
    at = values.stamp(f"{number + seconds / 86400:.6f}")
    wanted = datetime.combine(day, time()) + timedelta(seconds=seconds)
    assert abs(datetime.combine(at.day, at.wall or time()) - wanted) <= timedelta(seconds=1)


@given(days.filter(lambda day: date(1927, 1, 1) < day <= TODAY))
def test_two_digits_of_a_birth_are_the_latest_year_that_is_not_ahead(day):
    read = values.stamp(f"{day.day}/{day.month}/{day:%y}", order=DMY, birth=TODAY).day
    assert read <= TODAY
    assert read.year % 100 == day.year % 100
    assert read.year > 1926
    assert values.stamp(f"{day.day}/{day.month}/{day:%y}", order=DMY).day.year >= 2000


@given(st.integers(0, 10**9), st.sampled_from([",", "."]))
def test_whole_numbers_read_in_both_decimal_marks(number, mark):
    group = "." if mark == "," else ","
    for told in (str(number), f"{number}{mark}0", f"{number:,}".replace(",", group)):
        assert values.whole(told, mark=mark) == number


@given(st.integers(0, 10**14))
def test_a_number_as_id_keeps_its_digits(number):
    assert values.identifier(f"{number}.0") == str(number)
    assert values.identifier(f"00{number}") == f"00{number}"


@pytest.mark.parametrize(
    ("told", "read"),
    [
        ("1.23457E+11", None), ("1E+05", "100000"), ("1.23E+02", "123"), ("0042", "0042"), ("  A  7 ", "A 7"),
        ("12345,0", "12345"), ("12345.50", "12345.50"),
    ],
)  # fmt: skip
def test_ids(told, read):
    if told == "1E+05":  # nobody knows the digits that were cut
        assert values.identifier(told) in (None, read)
    else:
        assert values.identifier(told) == read


@pytest.mark.parametrize(
    "told", ["31/02/1980", "2024", "13/13/2024", "0/1/2024", "2023-02-29", "tomorrow", "1/2", "99999999", "12:30", ""]
)
def test_what_is_no_date(told):
    assert values.stamp(told, order=DMY) is None
    assert values.stamp(told, order=MDY) is None


@pytest.mark.parametrize(
    ("told", "clock"),
    [("2:30 PM", time(14, 30)), ("12:00 am", time()), ("12:15 p.m.", time(12, 15)), ("0930", time(9, 30)),
     ("14:30:15.250", time(14, 30, 15)), ("9am", time(9))],
)  # fmt: skip
def test_times_of_day(told, clock):
    assert values.wall_time(told)[1] == clock


def test_a_moment_is_in_the_clinics_zone_unless_it_says_an_offset():
    zone = ZoneInfo("America/New_York")
    assert values.moment(values.stamp("2026-03-02 09:30"), zone).at == datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
    assert values.moment(values.stamp("2026-03-02T09:30:00Z"), zone).at == datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    assert values.moment(values.stamp("2026-03-02T09:30+02:00"), zone).at == datetime(2026, 3, 2, 7, 30, tzinfo=UTC)
    day = values.moment(values.stamp("2026-03-02"), zone)
    assert (day.at, day.day_only) == (datetime(2026, 3, 2, 17, tzinfo=UTC), True)
    assert values.moment(values.stamp("2026-03-08 02:30"), zone).shifted == "clock_gap"
    assert values.moment(values.stamp("2026-11-01 01:30"), zone).shifted == "clock_fold"


@given(st.lists(st.lists(text, min_size=1, max_size=5), max_size=30))
def test_a_chunk_gives_back_the_rows_that_went_in(told):
    rows = [Row(number, cells, ("nul_removed",) if number % 3 == 0 else ()) for number, cells in enumerate(told, 2)]
    mapping = FileMapping({"a": ColumnPlan("patient_id", "dmy")}, constants={"visit_status": "kept"})
    at = datetime(2026, 11, 24, 12, tzinfo=UTC)
    raw = chunks.pack(rows, mapping, ["A", "B"], extract=at, file="one.csv")
    read = chunks.unpack(raw)
    assert [(row.number, row.cells, row.flags) for row in read.rows] == [(r.number, r.cells, r.flags) for r in rows]
    assert (read.mapping, read.header, read.extract) == (mapping, ["A", "B"], at)
    other = chunks.pack(rows, mapping, ["A", "B"], extract=at + timedelta(days=1), file="two.csv")
    assert chunks.canonical_bytes(raw) == chunks.canonical_bytes(other)
    assert chunks.canonical_bytes(chunks.pack(rows, mapping, ["A", "C"], extract=at, file="")) != (
        chunks.canonical_bytes(raw)
    )


@given(st.lists(st.integers(), max_size=40), st.integers(1, 7))
def test_chunking_loses_and_repeats_nothing(numbers, size):
    found = list(chunks.chunked((Row(n, []) for n in numbers), size))
    assert [row.number for some in found for row in some] == numbers
    assert all(0 < len(some) <= size for some in found)


@given(st.lists(st.tuples(printed, printed), min_size=1, max_size=15), st.sampled_from([",", ";", "\t", "|"]))
def test_any_text_in_quotes_comes_back_as_it_was(told, delimiter):
    def cell(value):
        return '"' + value.replace('"', '""') + '"'

    body = "".join(f"{cell('x' + a)}{delimiter}{cell(b)}\r\n" for a, b in told)
    raw = f"first name{delimiter}second name\r\n{body}".encode()
    table = csv_table(lambda: BytesIO(raw), delimiter=delimiter, has_header=True)
    assert [row.cells for row in table.rows()] == [["x" + a, b] for a, b in told]


def test_a_layout_is_remembered_whatever_the_order_and_case_of_its_columns():
    assert normal(" First  Name: ") == normal("first_name") == "first_name"
    assert fingerprint(["First Name", "DOB"]) == fingerprint(["dob", "first_name"])
