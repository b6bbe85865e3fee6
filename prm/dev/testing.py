"""The early pytest plugin (`-p prm.dev.testing`): servers, a database per worker, quick resets.

Every worker gets a copy of a template database that was migrated once as prm_owner; tests connect as prm_app, and the
aliases `owner` and `platform` reach the same copy as their own roles. What a `transaction=True` test leaves behind is
removed table by table, only where there are rows.
"""

import fcntl
import hashlib
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import django
import psycopg2
import pytest
from psycopg2 import sql

from prm import databases
from prm.dev import embedded, processes, roles

FOLDER = "PRM_TEST_STATE_DIR"  # where the checkout keeps its own; each worker gets a folder below it
TEMPLATE_PREFIX, COPY_PREFIX = "prm_template_", "prm_test_"
NEVER_SKIPPED_IN_CI = {"browser", "pdf"}
NOT_APPS = {".venv", ".prm", ".git", "node_modules", "tests"}


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests() -> Iterator[None]:
    """Start the servers before pytest-django loads the settings: a wrapper comes first in any order of plugins."""
    os.environ.setdefault("PRM_DEVELOPMENT", "1")
    if "PYTEST_XDIST_WORKER" not in os.environ:  # workers find in the environment what the first process put there
        try:
            embedded.prepare(os.environ)
            os.environ["DATABASE_URL"] = embedded.administrator(os.environ)
        except processes.ServerProblem as problem:
            raise pytest.UsageError(str(problem)) from None
        os.environ[FOLDER] = str(embedded.state_dir(os.environ))
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    os.environ["PRM_STATE_DIR"] = f"{os.environ[FOLDER]}/tests/{worker}"
    # A number of its own (1-15), away from what `make run` uses (0).
    broker = urlsplit(os.environ["REDIS_URL"])
    os.environ["REDIS_URL"] = broker._replace(path=f"/{1 + int(worker.removeprefix('gw')) % 15}").geturl()
    return (yield)


@pytest.hookimpl(trylast=True)
def pytest_configure() -> None:
    """Settings that only tests want: quick password hashes, uploads in memory, static files without a manifest."""
    from django.conf import settings  # noqa: PLC0415  (the settings exist only now)

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *settings.PASSWORD_HASHERS]
    settings.STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)  # WhiteNoise warns where it is missing


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test with real transactions may use every alias: they are one database, reset as a whole afterwards."""
    for item in items:
        mark = item.get_closest_marker("django_db")
        if mark and mark.kwargs.get("transaction") and "databases" not in mark.kwargs:
            item.add_marker(pytest.mark.django_db(**{**mark.kwargs, "databases": "__all__"}), append=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a browser or PDF test that skips itself fails: there the machine must have what it needs."""
    report = yield
    needs = NEVER_SKIPPED_IN_CI & {mark.name for mark in item.iter_markers()}
    if report.skipped and needs and os.environ.get("CI", "").lower() in embedded.TRUE:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome, report.longrepr = "failed", f"skipped in CI, where a {' '.join(needs)} test must run: {reason}"
    return report


@contextmanager
def own_database() -> Iterator[str]:
    """A copy of the migrated template for this process, all aliases pointed at it; dropped at the end."""
    from django.db import connections  # noqa: PLC0415  (the settings exist only now)
    from django.test import TransactionTestCase  # noqa: PLC0415  (the settings exist only now)

    name, dsn = f"{COPY_PREFIX}{os.getpid()}", os.environ["DATABASE_URL"]
    with Path(os.environ[FOLDER], "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        template = ensure_template(dsn)
        statement(dsn, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
        statement(dsn, "CREATE DATABASE {} OWNER prm_owner TEMPLATE {}", name, template)
        # Durability is PostgreSQL's to test, not ours; a crash of the machine ends the tests anyway.
        statement(dsn, "ALTER DATABASE {} SET synchronous_commit = off", name)
    for connection in connections.all():
        connection.close()
        connection.settings_dict["NAME"] = name
    for variable, _role in databases.ALIASES.values():  # programs that a test starts see its database
        os.environ[variable] = urlsplit(os.environ[variable])._replace(path=f"/{name}").geturl()
    cleaner = Cleaner(dsn, name)
    # Django's own runs `flush` as prm_app, who may not TRUNCATE.
    flush = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]
    TransactionTestCase._fixture_teardown = lambda self: cleaner.clean()  # type: ignore[attr-defined]
    try:
        yield name
    finally:
        TransactionTestCase._fixture_teardown = flush  # type: ignore[attr-defined]
        cleaner.close()
        for connection in connections.all():
            connection.close()
        statement(dsn, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


class Cleaner:
    """Empties the tables that a test with real transactions filled; rows that migrations made stay."""

    def __init__(self, dsn: str, name: str) -> None:
        self.connection = psycopg2.connect(dsn, dbname=name, options="-c lock_timeout=10s")
        self.connection.autocommit = True
        with self.connection.cursor() as cursor:
            # Rows of partitions are reached through their parents; no foreign key is asked while we delete.
            cursor.execute("SET session_replication_role = replica")
            cursor.execute(
                "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
                "AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY relname"
            )
            self.tables = [table for (table,) in cursor.fetchall()]
            self.tables = sorted(set(self.tables) - set(self.filled()))

    def filled(self) -> list[str]:
        """The watched tables that hold rows now."""
        if not self.tables:
            return []
        probes = [
            sql.SQL("SELECT {} WHERE EXISTS (SELECT 1 FROM {})").format(sql.Literal(table), sql.Identifier(table))
            for table in self.tables
        ]
        with self.connection.cursor() as cursor:
            cursor.execute(sql.SQL(" UNION ALL ").join(probes))
            return [table for (table,) in cursor.fetchall()]

    def clean(self) -> None:
        """Delete every row of the tables that hold any."""
        filled = self.filled()
        if filled:
            with self.connection.cursor() as cursor:
                cursor.execute(
                    sql.SQL("; ").join(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)) for table in filled)
                )

    def close(self) -> None:
        """Leave the database, so that it can be dropped."""
        self.connection.close()


def ensure_template(dsn: str) -> str:
    """The name of the template for today's migrations, made where missing; older ones and left copies are dropped."""
    name = TEMPLATE_PREFIX + migrations_hash()
    existing = {row for (row,) in rows(dsn, "SELECT datname FROM pg_database WHERE datname LIKE 'prm\\_te%%'")}
    for other in existing - {name}:
        pid = other.removeprefix(COPY_PREFIX)
        if not (other.startswith(COPY_PREFIX) and pid.isdigit() and processes.alive(int(pid))):
            statement(dsn, "DROP DATABASE IF EXISTS {} WITH (FORCE)", other)
    if name in existing:
        return name
    building = f"{TEMPLATE_PREFIX}building"
    roles.ensure_database(dsn, building)
    statement(dsn, "ALTER DATABASE {} SET synchronous_commit = off", building)
    _migrate(building)
    statement(dsn, "ALTER DATABASE {} RENAME TO {}", building, name)
    return name


def _migrate(database: str) -> None:
    """Run all migrations in `database` as prm_owner."""
    from django.core.management import call_command  # noqa: PLC0415  (the settings exist only now)
    from django.db import connections  # noqa: PLC0415  (the settings exist only now)

    before = {}
    for connection in connections.all():
        connection.close()
        before[connection.alias] = connection.settings_dict["NAME"]
        connection.settings_dict["NAME"] = database
    try:
        call_command("migrate", database="owner", verbosity=0, interactive=False)
    finally:
        for connection in connections.all():
            connection.close()
            connection.settings_dict["NAME"] = before[connection.alias]


def migrations_hash() -> str:
    """Changes with any migration file, the walls and partitions they build on, Django, and the grants."""
    digest = hashlib.sha256(f"{django.get_version()}{roles.fingerprint({})}".encode())
    files = [
        path
        for top in sorted(embedded.BASE_DIR.iterdir())
        if top.is_dir() and top.name not in NOT_APPS
        for path in sorted([*top.rglob("migrations/*.py"), *top.glob("tenancy/*.py")])
    ]
    for path in files:
        digest.update(f"{path.relative_to(embedded.BASE_DIR)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def statement(dsn: str, text: str, *names: str) -> None:
    """Run one statement outside any transaction, `{}` filled with identifiers."""
    connection = psycopg2.connect(dsn)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL(text).format(*map(sql.Identifier, names)))
    finally:
        connection.close()


def rows(dsn: str, text: str) -> list[tuple[Any, ...]]:
    """The rows of one query."""
    connection = psycopg2.connect(dsn)
    try:
        with connection.cursor() as cursor:
            cursor.execute(text, [])
            return cursor.fetchall()
    finally:
        connection.close()
