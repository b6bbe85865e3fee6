"""All samples through `manage.py ingest`, and thousands of damaged ones through the parsers: never an exception."""

import json
import random
from collections import Counter
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command

from integrations.context import Context
from integrations.kinds import KINDS
from integrations.models import RawMessage
from patients.models import Episode, Patient
from prm import clock
from tests.factories.integrations import FeedFactory
from tests.integrations.messages import FIRST, fhir_history, history

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "data" / "integrations"  # beside the checkout
if not SAMPLES.is_dir():
    SAMPLES = Path("/work/shared/data/integrations")
FOLDERS = {
    "hl7v2/fhir-converter": "hl7v2", "hl7v2/linuxforhealth": "hl7v2", "hl7v2/simhospital": "hl7v2",
    "fhir/r4-examples": "fhir", "fhir/synthea": "fhir", "fhir/us-core": "fhir", "fhir/validation": "fhir",
}  # fmt: skip
needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the samples of shared/data are not on this machine")


def run(*arguments):
    out = StringIO()
    call_command(*arguments, "--json", stdout=out, stderr=StringIO())
    return [json.loads(line) for line in out.getvalue().splitlines()]


@needs_samples
@pytest.mark.parametrize("folder", FOLDERS)
def test_every_sample_has_exactly_one_outcome(practice, folder):
    feed = FeedFactory(kind=FOLDERS[folder], settings={"processing_ids": ["P", "T", "D", ""]})

    outcomes = run("ingest", str(SAMPLES / folder), "--practice", practice.slug, "--feed", feed.name)

    counts = Counter(one["outcome"] for one in outcomes)
    assert set(counts) <= {"applied", "ignored", "dead", "rejected", "duplicate"}
    assert not [one for one in outcomes if one["code"] == "apply_failed"]
    stored = Counter(RawMessage.objects.values_list("state", flat=True))
    assert stored == Counter({k: v for k, v in counts.items() if k in {"applied", "ignored", "dead"}})
    assert len({one["ref"] for one in outcomes}) == len(outcomes)


@needs_samples
def test_a_real_discharge_given_an_address_is_two_days_old_after_rebase(practice, tmp_path):
    """What `make smoke` does: the sample's PV1-2 is P, which the feed must be told to count."""
    raw = (SAMPLES / "hl7v2" / "fhir-converter" / "ADT-A03-02.hl7").read_bytes()
    line = next(one for one in raw.splitlines() if one.startswith(b"PID|"))
    parts = line.split(b"|")
    parts[29] = parts[30] = b""  # the sample's patient is dead, and the dead are not asked
    parts[13] += b"~^NET^Internet^adam.everyman@example.com"
    (tmp_path / "a03.hl7").write_bytes(raw.replace(line, b"|".join(parts)))
    feed = FeedFactory(settings={"visit_classes": ["P"]})

    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    with clock.at(now):
        run("ingest", str(tmp_path / "a03.hl7"), "--practice", practice.slug, "--feed", feed.name, "--rebase", "2d")

    patient, episode = Patient.objects.get(), Episode.objects.get()
    assert (patient.email, patient.deceased_at) == ("adam.everyman@example.com", None)
    assert (episode.status, (now - episode.discharged_at).days) == ("discharged", 2)


def damaged(rng, raw):
    """A copy with a few bits flipped, bytes cut, pieces swapped or repeated."""
    data = bytearray(raw)
    for _ in range(rng.randint(1, 6)):
        if not data:
            break
        at, to = sorted((rng.randrange(len(data)), rng.randrange(len(data))))
        what = rng.randrange(5)
        if what == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif what == 1:
            del data[at : min(to, at + 60)]
        elif what == 2:
            data = data[: rng.randrange(len(data))]
        elif what == 3:
            piece = bytes(data[at : at + 30])
            data[to:to] = piece
        else:
            data[at:to] = data[at:to][::-1]
    return bytes(data)


@pytest.mark.parametrize("kind", ["hl7v2", "fhir"])
def test_damaged_messages_never_raise(kind):
    rng = random.Random(20261124)
    own = history(FIRST) if kind == "hl7v2" else fhir_history(FIRST)
    corpus = list(own)
    if SAMPLES.is_dir():
        for folder, of_kind in FOLDERS.items():
            if of_kind == kind and "simhospital" not in folder:
                corpus += [path.read_bytes() for path in sorted((SAMPLES / folder).iterdir())[:60]]
    told = Context(datetime(2026, 11, 24, tzinfo=UTC), KINDS[kind].settings("", {}), ZoneInfo("America/New_York"))
    seen = Counter()

    for _ in range(2500):
        for piece in KINDS[kind].split_file(damaged(rng, rng.choice(corpus))):
            outcome = piece.refusal.outcome if piece.refusal else KINDS[kind].parse(piece.data, told).outcome
            seen[outcome] += 1

    assert set(seen) <= {"apply", "ignored", "dead", "rejected"}
    assert len(seen) == 4 if kind == "hl7v2" else len(seen) >= 3
