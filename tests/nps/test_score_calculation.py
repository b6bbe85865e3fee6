"""`manage.py nps_calc`: an independent count in plain Python over random files must agree, and nothing stays."""

import csv
import io
import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Practice
from nps import score
from nps.calculation import COLUMNS
from nps.score import Tally

pytestmark = pytest.mark.django_db
NEW_YORK = ZoneInfo("America/New_York")
YEAR = ["--tz", "America/New_York", "--from", "2025-11-01", "--to", "2026-11-01"]


def rows(many: int = 400, seed: int = 7) -> list[dict[str, str]]:
    """Answers of some forty people over two years, all kinds of them, with ties and midnights."""
    source = random.Random(seed)
    start = datetime(2025, 1, 1, 5, tzinfo=UTC)
    moments = [start + timedelta(hours=source.randrange(24 * 730)) for _ in range(many // 2)]
    moments += [datetime(2025, 11, 1, 4, tzinfo=UTC), datetime(2026, 11, 1, 3, 59, 59, tzinfo=UTC)]
    return [
        {
            "response_id": str(number),
            "patient_id": f"p{source.randrange(40)}",
            "clinic": source.choice(["Harbor", "East, side"]),
            "therapist": source.choice(["Priya", "Lena", "Tom", ""]),
            "stage": source.choice(["early", "mid", "discharge", "post", "dropped", ""]),
            "score": str(source.choice([0, 3, 6, 7, 8, 9, 10, 10, 10])),
            "answered_at": source.choice(moments).astimezone(source.choice([UTC, NEW_YORK])).isoformat(),
            "channel": source.choice(["email", "sms", "portal", "staff"]),
            "kind": source.choice(["survey", "survey", "survey", "resurvey", "imported"]),
            "status": source.choice(["valid", "valid", "valid", "test", "withdrawn"]),
        }
        for number in range(1, many + 1)
    ]


def independently(table: list[dict[str, str]], first: str, beyond: str, **only: str) -> dict[str, int]:
    """The period rule once more, without SQL: the last in (moment, id) of each person."""
    last: dict[str, dict[str, str]] = {}
    for row in sorted(table, key=lambda row: (datetime.fromisoformat(row["answered_at"]), int(row["response_id"]))):
        day = datetime.fromisoformat(row["answered_at"]).astimezone(NEW_YORK).date().isoformat()
        row = {**row, "month": day[:7]}
        if row["kind"] != "survey" or row["status"] != "valid" or row["channel"] == "staff":
            continue
        if first <= day < beyond and all(row[key] == value for key, value in only.items()):
            last[row["patient_id"]] = row
    scores = [int(row["score"]) for row in last.values()]
    return {
        "n": len(scores),
        "promoters": sum(given >= 9 for given in scores),
        "passives": sum(given in {7, 8} for given in scores),
        "detractors": sum(given <= 6 for given in scores),
    }


def written(path: Path, table: list[dict[str, str]]) -> Path:
    """The file of these rows."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(table)
    return path


def run(*words: object) -> dict:
    """What the command prints."""
    out = io.StringIO()
    call_command("nps_calc", *map(str, words), stdout=out)
    return json.loads(out.getvalue())


def counts(found: dict) -> dict[str, int]:
    """The four counts of a result."""
    return {key: found[key] for key in ("n", "promoters", "passives", "detractors")}


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("by", ["month", "clinic", "therapist", "stage"])
def test_every_count_agrees_with_an_independent_one_in_any_order_of_rows(tmp_path, seed, by):
    table = rows(seed=seed)
    file = written(tmp_path / "a.csv", random.Random(seed).sample(table, len(table)))

    found = run(file, *YEAR, "--by", by, "--compare", "2025-05-01:2025-11-01", "--json")

    assert counts(found) == independently(table, "2025-11-01", "2026-11-01")
    assert counts(found["compare"]["before"]) == independently(table, "2025-05-01", "2025-11-01")
    keys = {"month": {f"{y}-{m:02}" for y in (2025, 2026) for m in range(1, 13)}}.get(
        by, {row.get(by) for row in table}
    )
    parts = {key: independently(table, "2025-11-01", "2026-11-01", **{by: key}) for key in keys}
    assert {key: counts(part) for key, part in found[f"by_{by}"].items()} == {k: v for k, v in parts.items() if v["n"]}


def test_the_numbers_by_hand(tmp_path):
    """12 promoters, 3 passives, 5 detractors of 20: 35; p = 12.75/23, d = 5.75/23."""
    base = rows(1)[0] | {"kind": "survey", "status": "valid", "channel": "email", "answered_at": "2026-03-01 09:00"}
    scores = [10] * 12 + [7] * 3 + [0] * 5
    table = [base | {"response_id": f"r{n}", "patient_id": f"p{n}", "score": str(s)} for n, s in enumerate(scores)]
    p, d = 12.75 / 23, 5.75 / 23
    half = 195.9964 * ((p + d - (p - d) ** 2) / 23) ** 0.5

    found = run(written(tmp_path / "a.csv", table), *YEAR)

    assert found == {
        "n": 20, "promoters": 12, "passives": 3, "detractors": 5, "nps": 35.0,
        "low": pytest.approx(100 * (p - d) - half, abs=0.001), "high": pytest.approx(100 * (p - d) + half, abs=0.001),
    }  # fmt: skip


def test_no_answer_is_no_score_and_no_verdict(tmp_path):
    found = run(written(tmp_path / "a.csv", []), *YEAR, "--compare", "2025-05-01:2025-11-01", "--flags")

    assert (found["n"], found["nps"], found["low"]) == (0, None, None)
    assert (found["compare"]["verdict"], found["compare"]["p"], found["flags"]) == ("not_enough", None, {})


def test_nothing_stays(tmp_path):
    before = Practice.objects.count()
    run(written(tmp_path / "a.csv", rows(20)), *YEAR)

    assert Practice.objects.count() == before


@pytest.mark.parametrize(("column", "value", "words"), [
    ("score", "11", "row 2, score: “11” is not a whole number from 0 to 10"),
    ("score", "", "row 2, score: “” is not"),
    ("score", "8.5", "row 2, score"),
    ("answered_at", "31/02/2026", "row 2, answered_at: “31/02/2026” is not a moment"),
    ("kind", "poll", "row 2, kind: “poll” is not one of survey, resurvey, imported"),
    ("patient_id", "", "row 2: response_id and patient_id are needed"),
])  # fmt: skip
def test_a_bad_cell_is_named(tmp_path, column, value, words):
    file = written(tmp_path / "a.csv", [rows(1)[0] | {column: value}])

    with pytest.raises(CommandError) as refused:
        run(file, *YEAR)
    assert words in str(refused.value)


def test_other_headers_and_missing_files_are_named(tmp_path):
    (tmp_path / "a.csv").write_text("score,patient_id\n9,1\n")

    with pytest.raises(CommandError, match="header: “score,patient_id” is not response_id,"):
        run(tmp_path / "a.csv", *YEAR)
    with pytest.raises(CommandError, match="No such file"):
        run(tmp_path / "b.csv", *YEAR)
    with pytest.raises(CommandError, match="--to"):
        run(tmp_path / "a.csv", "--tz", "UTC", "--from", "2026-01-01", "--to", "2026-01-01")


def test_flags_by_hand():
    """Tom's 12 of 60 against 11 of 192 flag him; Lena's answers are too few, Ana's 2 of 20 are not three."""
    found = score.flags({
        "Tom": Tally(40, 8, 12), "Priya": Tally(80, 5, 5), "Sam": Tally(70, 1, 1), "Lena": Tally(7, 0, 3),
        "Ana": Tally(18, 0, 2),
    })  # fmt: skip

    assert {name for name, flag in found.items() if flag.flagged} == {"Tom"}
    assert (found["Lena"].p, found["Ana"].flagged) == (None, False)
    assert found["Tom"].p < 0.01 < found["Priya"].p


def test_flags_seldom_point_at_anyone_where_all_are_alike():
    """20 therapists of 60 answers, 5 % detractors each: a false flag in few of 200 runs (nps.md states 2 %)."""
    source, wrong = random.Random(5), 0
    for _ in range(200):
        many = {str(who): sum(source.random() < 0.05 for _ in range(60)) for who in range(20)}
        wrong += any(
            flag.flagged for flag in score.flags({who: Tally(60 - d, 0, d) for who, d in many.items()}).values()
        )

    assert wrong <= 12
