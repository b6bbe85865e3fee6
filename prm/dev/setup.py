"""`python -m prm.dev.setup`, the second half of `make setup`: roles, database, migrations, built files.

Idempotent; what is built from files is built again only where those files changed (`.prm/stamps.json`).
"""

import hashlib
import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import django
import psycopg2
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.core.management import call_command, get_commands

from prm.dev import embedded, keys, roles, terminal
from prm.dev.processes import ServerProblem

BASE = embedded.BASE_DIR


def main() -> None:
    """Set everything up; a problem with this machine is one line and exit status 1."""
    with terminal.one_line_errors():
        os.environ.setdefault("PRM_DEVELOPMENT", "1")
        embedded.prepare(os.environ)
        run()


def run() -> None:
    """All steps, in a process whose environment `embedded.prepare` has filled. Progress goes to standard error."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "prm.settings")
    folder = embedded.state_dir(os.environ)
    folder.mkdir(parents=True, exist_ok=True)
    if os.environ.get("DATABASE_URL"):
        own_server(os.environ["DATABASE_URL"], folder)
    messages(BASE / "locale")
    django.setup()
    migrate()
    static_files(folder)


def own_server(url: str, folder: Path) -> None:
    """The roles and the database on a server of the user's."""
    administrator = embedded.administrator(os.environ)
    try:
        roles.ensure_roles(administrator, keys.load(folder)["roles"])
        roles.ensure_database(administrator, roles.database_of(url))
    except psycopg2.errors.InsufficientPrivilege as problem:
        raise ServerProblem(
            f"DATABASE_URL's user may not do what is needed ({str(problem).splitlines()[0]}): name one who may create "
            "roles with BYPASSRLS and databases, or make them yourself and set DATABASE_URL_OWNER, _APP and _PLATFORM"
        ) from problem
    except psycopg2.OperationalError as problem:
        raise ServerProblem(f"DATABASE_URL: {str(problem).strip().splitlines()[-1]}") from problem


def migrate() -> None:
    """Apply what is not applied yet, as prm_owner, and make the coming months' partitions."""
    from django.db import connections  # noqa: PLC0415  (after django.setup)
    from django.db.migrations.executor import MigrationExecutor  # noqa: PLC0415  (after django.setup)

    executor = MigrationExecutor(connections["owner"])
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if waiting:
        say(f"applying {len(waiting)} migrations")
        call_command("migrate", verbosity=0, interactive=False)
    call_command("partitions", stdout=io.StringIO())


def messages(locale: Path) -> None:
    """Compile each catalogue that is newer than its compiled form (Babel's compiler: no gettext is needed)."""
    for source in sorted(locale.glob("*/LC_MESSAGES/*.po")):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
            continue
        say(f"compiling {source.relative_to(BASE)}")
        with source.open("rb") as text:
            catalogue = read_po(text, locale=source.parent.parent.name, abort_invalid=True)
        partial = target.with_suffix(".partial")
        with partial.open("wb") as binary:
            write_mo(binary, catalogue)
        partial.replace(target)


def static_files(folder: Path) -> None:
    """Build the fonts from their packages and collect what the web server serves."""
    from django.conf import settings  # noqa: PLC0415  (after django.setup)
    from django.contrib.staticfiles.finders import get_finders  # noqa: PLC0415  (after django.setup)

    stamps = Stamps(folder / "stamps.json")
    packages = BASE / "requirements-dev.lock"
    builders = [path for path in (BASE / "prm" / "ui").rglob("*.py") if "fonts" in path.name]
    if "build_fonts" in get_commands():
        stamps.once("fonts", [packages, *builders], lambda: call_command("build_fonts", stdout=sys.stderr))
    served = [Path(storage.path(name)) for finder in get_finders() for name, storage in finder.list([])]
    if not list(Path(settings.STATIC_ROOT).glob("*")):
        stamps.forget("static")
    stamps.once("static", [packages, BASE / "prm" / "settings.py", *served], collect)


def collect() -> None:
    """Django's collectstatic, afresh: what was removed from the sources disappears."""
    call_command("collectstatic", interactive=False, clear=True, verbosity=0)


class Stamps:
    """Remembers by name from which files something was built last."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def once(self, name: str, sources: Iterable[Path], build: Callable[[], object]) -> None:
        """Call `build` unless `sources` are byte for byte what they were when it last succeeded."""
        digest = hashlib.sha256()
        for source in sorted(sources):
            digest.update(f"{source}\0".encode() + source.read_bytes())
        known = self._read()
        if known.get(name) == digest.hexdigest():
            return
        say(f"building {name}")
        build()
        self.path.write_text(json.dumps({**self._read(), name: digest.hexdigest()}))

    def forget(self, name: str) -> None:
        """Build it next time, whatever its sources are."""
        self.path.write_text(json.dumps({key: value for key, value in self._read().items() if key != name}))

    def _read(self) -> dict[str, str]:
        try:
            return json.loads(self.path.read_text())
        except (FileNotFoundError, ValueError):
            return {}


def say(text: str) -> None:
    """Progress, on standard error."""
    print(f"setup: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    began = time.monotonic()
    main()
    say(f"ready ({time.monotonic() - began:.1f} s)")
