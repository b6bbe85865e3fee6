"""The system under smoke: the one that runs already, else one that is started and stopped here."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
STARTS_WITHIN = 240  # seconds, for a first start on a slow machine


@dataclass
class Checks:
    """What was checked, in order, and whether it held."""

    made: list[tuple[str, bool]] = field(default_factory=list)

    def that(self, words: str, held: bool) -> None:
        """Note one check and say it."""
        self.made.append((words, bool(held)))
        print(f"smoke: {'ok    ' if held else 'FAILED'} {words}", flush=True)

    def equal(self, words: str, found: object, expected: object) -> None:
        """Note that two things are equal; what was found is said where they are not."""
        self.that(words if found == expected else f"{words}: found {found!r}, expected {expected!r}", found == expected)


@contextmanager
def running() -> Iterator[str]:
    """The address of a system that is ready; one that had to be started is stopped at the end."""
    site = f"http://127.0.0.1:{os.environ.get('PORT', '8000')}"
    if _ready(site):
        print(f"smoke: using the system at {site}", flush=True)
        yield site
        return
    print(f"smoke: starting the system at {site}", flush=True)
    log = ROOT / ".prm" / "smoke.log"
    log.parent.mkdir(exist_ok=True)
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "prm.dev.supervisor"], cwd=ROOT, stdout=out, stderr=subprocess.STDOUT
        )
        try:
            _wait(site, process, log)
            yield site
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def manage(*arguments: str) -> list[dict[str, Any]]:
    """Run a management command with `--json`; the JSON objects of its standard output."""
    command = [sys.executable, "manage.py", *arguments, "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"smoke: {' '.join(arguments)} ended with {done.returncode}: {done.stderr.strip()[-400:]}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def _ready(site: str) -> bool:
    try:
        with urllib.request.urlopen(f"{site}/readyz", timeout=5) as answer:
            return answer.status == 200
    except (OSError, urllib.error.HTTPError):
        return False


def _wait(site: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + STARTS_WITHIN
    while not _ready(site):
        if process.poll() is not None or time.monotonic() > until:
            sys.exit(f"smoke: the system did not start; the end of {log}:\n{log.read_text()[-1500:]}")
        time.sleep(0.5)
