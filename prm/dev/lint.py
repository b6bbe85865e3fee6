"""`make lint`: every check, one after the other, each with its time; the first failure does not hide the others."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from prm.dev import embedded, terminal

BASE = embedded.BASE_DIR
PACKAGES = ("prm", "accounts", "patients", "messaging", "integrations", "campaigns", "nps", "portal", "dashboard")
PRODUCTION = {
    "PRM_DEVELOPMENT": "0",
    "PRM_DEBUG": "0",
    "PRM_SITE_URL": "https://prm.example",
    "PRM_ALLOWED_HOSTS": "prm.example",
    "PRM_BEHIND_PROXY": "1",
    "SMTP_URL": "smtps://mail.example",
}
# Rules of squawk that do not fit, each with its reason.
SQUAWK_EXCLUDED = {
    "prefer-robust-stmts": "Django runs each migration in a transaction",
    "require-concurrent-index-creation": "the indexes of a table's own migration; later ones are AddIndexConcurrently",
    "require-timeout-settings": "set for the session by whoever deploys (docs/how-to)",
    "prefer-bigint-over-int": "Django's own integer fields, checked by their ranges",
    "prefer-identity": "Django writes identity columns already",
    "prefer-text-field": "lengths are part of the forms' contract",
    "prefer-bigint-over-smallint": "small numbers that the domain bounds (scores, ordinals)",
}
# An app that no released version has: its tables are empty wherever its migrations run, nobody waits for a lock.
SQUAWK_EXCLUDED_NEW = (
    *("adding-required-field", "adding-foreign-key-constraint", "constraint-missing-not-valid"),
    *("ban-drop-constraint", "ban-drop-default", "ban-drop-column", "disallowed-unique-constraint"),
    *("changing-column-type", "renaming-column", "adding-not-nullable-field", "ban-drop-not-null", "ban-drop-table"),
)


def main() -> None:
    """Run all checks, or those named as arguments; exit status 1 where any fails."""
    chosen = sys.argv[1:] or list(CHECKS)
    if unknown := set(chosen) - set(CHECKS):
        sys.exit(f"error: no check {', '.join(sorted(unknown))}: there are {', '.join(CHECKS)}")
    with terminal.one_line_errors():
        os.environ.setdefault("PRM_DEVELOPMENT", "1")
        embedded.prepare(os.environ)
    failed = [name for name in chosen if not timed(name, CHECKS[name])]
    sys.exit(f"lint: failed: {', '.join(failed)}" if failed else 0)


def timed(name: str, check: Callable[[], str]) -> bool:
    """Run one check; print its output only where it fails."""
    began = time.monotonic()
    said = check()
    state = "failed" if said else "ok"
    print(f"{name:<16} {state:<7} {time.monotonic() - began:5.1f} s", flush=True)
    if said:
        print("\n".join(f"    {line}" for line in said.splitlines()), flush=True)
    return not said


class Check:
    """A command that says something and returns non-zero where it finds something."""

    def __init__(self, *words: str, **environment: str) -> None:
        self.words, self.environment = words, environment

    def __call__(self) -> str:
        """What it found, or "" where all is well."""
        program = Path(sys.executable).parent / self.words[0]
        if not program.exists():
            return f"{self.words[0]} is not installed: make setup"
        done = subprocess.run(
            [program, *self.words[1:]],
            capture_output=True, text=True, check=False, cwd=BASE, env={**os.environ, **self.environment},
        )  # fmt: skip
        return "" if done.returncode == 0 else (done.stdout + done.stderr).strip() or f"exit status {done.returncode}"


def tracked(pattern: str) -> list[str]:
    """The files of the checkout that match, new ones included."""
    names = git("ls-files", "--cached", "--others", "--exclude-standard", pattern).splitlines()
    return [name for name in names if (BASE / name).exists()]


def templates() -> str:
    """djade on every template."""
    return Check("djade", "--check", *tracked("templates/*.html"))()


def migrations() -> str:
    """squawk on the SQL of every migration of ours."""
    with tempfile.TemporaryDirectory() as folder:
        if said := Check("python", "-m", "prm.dev.migration_sql", folder)():
            return said
        old: list[str] = []
        new: list[str] = []
        released = released_apps()
        for path in sorted(Path(folder).glob("*.sql")):
            (old if path.name.partition(".")[0] in released else new).append(str(path))
        return squawk(new, *SQUAWK_EXCLUDED, *SQUAWK_EXCLUDED_NEW) + squawk(old, *SQUAWK_EXCLUDED)


def released_apps() -> set[str]:
    """The apps with migrations in the newest tag `v…`; none before the first release."""
    tag = git("describe", "--tags", "--abbrev=0", "--match", "v*").strip()
    names = git("ls-tree", "-r", "--name-only", tag).splitlines() if tag else []
    return {Path(name).parent.parent.name for name in names if Path(name).parent.name == "migrations"}


def git(*words: str) -> str:
    """What git says, or "" where it has nothing to say."""
    return subprocess.run(["git", *words], capture_output=True, text=True, check=False, cwd=BASE).stdout


def squawk(files: list[str], *excluded: str) -> str:
    """What squawk finds in files of SQL."""
    command = ("squawk", "--reporter=gcc", f"--exclude={','.join(excluded)}")
    alone = [file for file in files if file.endswith(".alone.sql")]
    together = [file for file in files if file not in alone]
    said = Check(*command, "--assume-in-transaction", *together)() if together else ""
    return said + (Check(*command, *alone)() if alone else "")


CHECKS: dict[str, Callable[[], str]] = {
    "ruff": Check("ruff", "check", "."),
    "format": Check("ruff", "format", "--check", "."),
    "templates": templates,
    "layers": Check("lint-imports", "--no-cache"),
    "types": Check("mypy"),
    "models": Check("python", "manage.py", "makemigrations", "--check", "--dry-run"),
    "migrations": migrations,
    "image": Check("hadolint", "Dockerfile"),
    "security": Check("bandit", "-q", "-r", *PACKAGES, "manage.py", "-c", "pyproject.toml"),
    "deploy": Check("python", "manage.py", "check", "--deploy", "--fail-level", "WARNING", **PRODUCTION),
}


if __name__ == "__main__":
    main()
