"""The commands: arguments, exit codes, and nothing but JSON on standard output."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from integrations.models import Feed, RawMessage
from patients.models import Episode, Patient
from tests.factories.integrations import FeedFactory
from tests.integrations.messages import DAY, FIRST, Emr, history


def run(*arguments):
    out, err = StringIO(), StringIO()
    call_command(*arguments, stdout=out, stderr=err)
    return [json.loads(line) for line in out.getvalue().splitlines()], err.getvalue()


def add(practice, *more):
    return run("feed", "add", "--practice", practice.slug, "--name", "EMR", "--kind", "hl7v2", "--json", *more)[0][0]


def test_feed_add_is_idempotent_and_puts_live(practice):
    first = add(practice, "--set", "episode_key=PID-18", "--set", "processing_ids=P,T", "--live-at", "2026-10-01")
    again = add(practice)

    feed = Feed.objects.get()
    assert (first["created"], again["created"], first["id"]) == (True, False, again["id"])
    assert feed.settings == {"episode_key": "PID-18", "processing_ids": ["P", "T"]}
    assert (feed.state, feed.live_at.isoformat()) == ("live", "2026-10-01T04:00:00+00:00")  # midnight in New York


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--set", "a04_means=visit"], "a03_means"),
        (["--set", "a03_means=maybe"], "expected episode, visit or ignore"),
        (["--set", "nonsense"], "KEY=VALUE"),
        (["--preset", "webpt"], "expected one of"),
        (["--zone", "Mars/Base"], "America/New_York"),
        (["--live-at", "soon"], "expected a moment"),
    ],
)
def test_a_wrong_argument_exits_2_and_names_what_is_allowed(practice, arguments, told):
    with pytest.raises(CommandError, match=told) as refused:
        add(practice, *arguments)
    assert refused.value.returncode == 2
    assert not Feed.objects.exists()


def test_an_unknown_kind_practice_feed_or_path_exits_2(practice, tmp_path):
    FeedFactory(name="EMR")
    for arguments in (
        ["feed", "add", "--practice", practice.slug, "--name", "x", "--kind", "telepathy"],
        ["feed", "add", "--practice", "nobody", "--name", "x", "--kind", "fhir"],
        ["ingest", str(tmp_path), "--practice", practice.slug, "--feed", "Other"],
        ["ingest", str(tmp_path / "missing.hl7"), "--practice", practice.slug, "--feed", "EMR"],
    ):
        with pytest.raises(CommandError) as refused:
            run(*arguments)
        assert refused.value.returncode == 2


@pytest.fixture
def files(tmp_path):
    (tmp_path / "1.hl7").write_bytes(b"".join(history(FIRST)))
    (tmp_path / "2.hl7").write_bytes(Emr(number=50).message("ADT^A08", FIRST, pid="PID|1||^^^EMR^MR||Doe^Jo"))
    (tmp_path / "3.txt").write_bytes(b"not a message")
    return tmp_path


def ingest(practice, path, *more):
    return run("ingest", str(path), "--practice", practice.slug, "--feed", "EMR", "--json", *more)


def test_ingest_prints_one_outcome_a_message_and_a_dry_run_stores_nothing(practice, files):
    FeedFactory(name="EMR")
    expected = [("applied", "")] * 10 + [("dead", "no_usable_identifier"), ("rejected", "no_msh")]

    dry, _err = ingest(practice, files, "--dry-run")
    assert [(one["outcome"], one["code"]) for one in dry] == expected
    assert (RawMessage.objects.count(), Patient.objects.count()) == (0, 0)

    done, _err = ingest(practice, files)
    assert [(one["outcome"], one["code"]) for one in done] == expected
    assert set(done[0]) == {"ref", "outcome", "code", "reason", "entities", "flags"}
    assert done[0]["ref"].endswith("1.hl7#1")
    assert (RawMessage.objects.count(), Patient.objects.count()) == (11, 1)


def test_rebase_tells_what_it_changed_and_is_for_development_only(practice, files, settings):
    FeedFactory(name="EMR")

    settings.DEVELOPMENT = False
    with pytest.raises(CommandError, match="development only"):
        ingest(practice, files / "1.hl7", "--rebase", "2d")

    settings.DEVELOPMENT = True
    _outcomes, err = ingest(practice, files / "1.hl7", "--rebase", "2d")
    assert "times moved by" in err
    assert Episode.objects.get(hidden=False).status == "discharged"


def test_facts_prints_patient_episodes_visits_and_ids(practice, files):
    FeedFactory(name="EMR")
    ingest(practice, files / "1.hl7")

    (told,), _err = run("facts", "--practice", practice.slug, "--patient", "EMR:700001", "--json")

    assert (told["last_name"], told["ids"], len(told["visits"])) == ("Abara", ["EMR|700001"], 4)
    assert [(one["status"], one["visit_count"], one["regions"]) for one in told["episodes"]] == [
        ("discharged", 3, ["knee"])
    ]
    with pytest.raises(CommandError, match="knows no patient"):
        run("facts", "--practice", practice.slug, "--patient", "EMR:1", "--json")


def test_replay_and_rebuild(practice, tmp_path):
    FeedFactory(name="EMR")
    emr = Emr()
    (tmp_path / "1.hl7").write_bytes(emr.register(FIRST) + emr.message("ADT^A03", FIRST + 9 * DAY))
    (tmp_path / "2.hl7").write_bytes(emr.charge(FIRST + DAY, "V1", FIRST + DAY))
    ingest(practice, tmp_path / "1.hl7")
    ingest(practice, tmp_path / "2.hl7")

    told, _err = run("replay", "--practice", practice.slug, "--feed", "EMR", "--json")
    assert told == [{"replayed": 1, "states": {"applied": 1}}]

    told, _err = run("facts_rebuild", "--practice", practice.slug, "--check", "--json")
    assert told == [{"differences": 0, "feeds": {"EMR": 0}}]
