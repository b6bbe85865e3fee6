"""`make reset`: throw away a checkout's database and everything else in `.prm/`, after asking."""

import fcntl
import os
import shutil
import sys
from pathlib import Path

from prm.dev import embedded, keys, terminal
from prm.dev.postgres import Postgres
from prm.dev.processes import ServerProblem
from prm.dev.valkey import Valkey


def main() -> None:
    """Ask (YES=1 answers), refuse while the servers are used, stop what a killed process left, remove the folder."""
    with terminal.one_line_errors():
        folder = embedded.state_dir(os.environ)
        if not folder.exists():
            print("nothing to reset")
            return
        if os.environ.get("YES") != "1" and not agreed(folder):
            sys.exit("nothing was changed")
        remove(folder)
        print("reset: `make run` starts afresh")


def agreed(folder: Path) -> bool:
    """True where a person at the terminal types yes. ServerProblem where there is nobody to ask."""
    if not sys.stdin.isatty():
        raise ServerProblem("make reset asks before it deletes, and nobody is at the terminal: YES=1 make reset")
    return input(f"Delete {folder} with the database, demo practices and development keys? [yes/no] ").strip() == "yes"


def remove(folder: Path) -> None:
    """Delete `folder`. ServerProblem while a command or `make run` uses its servers."""
    with (folder / "in-use.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ServerProblem("the servers are in use: stop `make run` and other commands first") from None
        secrets = keys.load(folder)
        Postgres(folder, secrets["postgres"]).stop()
        Valkey(folder, secrets["valkey"]).stop()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
