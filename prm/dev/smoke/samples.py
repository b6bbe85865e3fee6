"""Every other sample as it is: each message ends in exactly one outcome."""

from collections import Counter
from pathlib import Path

from prm.dev.smoke.system import Checks, manage

ENDS = {"applied", "duplicate", "ignored", "dead", "rejected"}


def take_in(practice: str, shared: Path, checks: Checks) -> None:
    """Ingest all files of the sample folders by kind; prints the outcomes of each folder."""
    if not shared.is_dir():
        print(f"smoke: no samples at {shared}: this part is left out", flush=True)
        return
    for kind, endings in (("hl7v2", {".hl7", ".out"}), ("fhir", {".json", ".ndjson"})):
        feed = f"samples-{kind}"
        settings = ["--set", "processing_ids=P,T,D,"] if kind == "hl7v2" else []  # test systems sent most of them
        manage("feed", "add", "--practice", practice, "--name", feed, "--kind", kind, *settings)
        for folder in sorted(path for path in (shared / kind).iterdir() if path.is_dir()):
            files = [str(path) for path in sorted(folder.rglob("*")) if path.suffix in endings]
            outcomes = manage("ingest", *files, "--practice", practice, "--feed", feed) if files else []
            counts = Counter(one["outcome"] for one in outcomes)
            told = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))
            checks.that(f"{kind}/{folder.name}: {len(outcomes)} messages: {told}", set(counts) <= ENDS)
