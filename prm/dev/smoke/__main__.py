"""`python -m prm.dev.smoke`: finds or starts the system, plays the flow, takes in every sample, says what held."""

import os
import sys
import time
from pathlib import Path

from prm.dev.smoke import flow, samples
from prm.dev.smoke.system import Checks, running


def main() -> int:
    """Exit status 0 where every check held."""
    began = time.monotonic()
    checks = Checks()
    shared = (
        Path(os.environ.get("PRM_SHARED") or Path(__file__).resolve().parents[4] / "shared") / "data" / "integrations"
    )
    with running() as site:
        practice = flow.play(site, shared, checks)
        samples.take_in(practice, shared, checks)
    failed = [words for words, held in checks.made if not held]
    print(f"smoke: {len(checks.made) - len(failed)} passed, {len(failed)} failed in {time.monotonic() - began:.0f} s")
    for words in failed:
        print(f"smoke: FAILED {words}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
