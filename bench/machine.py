"""The machine that a bench runs on: its own PostgreSQL and Valkey, what they are, and how quiet it is."""

import os
import platform
import subprocess
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import sql

from bench.measure import Probe
from prm import databases
from prm.dev import embedded

BASE = embedded.BASE_DIR
# Durable, as in production; everything else is PostgreSQL's default. A run under other settings is refused.
SETTINGS = {
    "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "shared_buffers": "1GB", "max_wal_size": "4GB",
}  # fmt: skip
ARITHMETIC = 2_000_000  # steps of the probe
COMMITS = 200
DATABASE = "prm_bench"


class Refused(Exception):
    """The server is not set as the bench wants it; the message names the setting."""


def start() -> str:
    """Start the bench's own servers (in `.prm/bench`), point the environment at them; the superuser's DSN."""
    for name in ("DATABASE_URL", "REDIS_URL", *(variable for variable, _role in databases.ALIASES.values())):
        os.environ.pop(name, None)  # not the developer's servers: other settings, other data
    os.environ["PRM_STATE_DIR"] = str(embedded.state_dir(os.environ) / "bench")
    os.environ["PRM_DEVELOPMENT"] = "1"
    embedded.prepare(os.environ, postgres_settings=SETTINGS)
    return embedded.administrator(os.environ)


def check_settings(dsn: str) -> dict[str, str]:
    """The settings in force. Refused where one is not as SETTINGS says."""
    connection = psycopg2.connect(dsn)
    try:
        with connection.cursor() as cursor:
            found = {}
            for name, wanted in SETTINGS.items():
                cursor.execute("SELECT current_setting(%s)", [name])
                found[name] = cursor.fetchone()[0]
                if found[name] != wanted:
                    raise Refused(f"{name} is {found[name]}, expected {wanted}")
    finally:
        connection.close()
    return found


def fresh_database(dsn: str) -> None:
    """An empty migrated database for one case, all of Django's aliases pointed at it."""
    from django.db import connections  # noqa: PLC0415  (the settings exist only now)

    for connection in connections.all():
        connection.close()
    _outside(dsn, "DROP DATABASE IF EXISTS {} WITH (FORCE)", DATABASE)
    _outside(dsn, "CREATE DATABASE {} OWNER prm_owner TEMPLATE {}", DATABASE, "prm")
    for connection in connections.all():
        connection.settings_dict["NAME"] = DATABASE


def settle(dsn: str) -> None:
    """Statistics and a checkpoint, so that no side pays for what was loaded before it."""
    connection = psycopg2.connect(dsn, dbname=DATABASE)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")
    connection.close()


def probe(dsn: str) -> Probe:
    """The fixed work of the noise guard. The load of others is the last minute's, less one for the side that ran."""
    began = time.perf_counter()
    total = 0
    for step in range(ARITHMETIC):
        total += step & 7
    arithmetic = time.perf_counter() - began
    connection = psycopg2.connect(dsn, dbname=DATABASE)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS bench_probe (n integer)")
        began = time.perf_counter()
        for step in range(COMMITS):
            cursor.execute("INSERT INTO bench_probe VALUES (%s)", [step])
        commits = time.perf_counter() - began
    connection.close()
    return Probe(arithmetic, commits, max(os.getloadavg()[0] - 1, 0.0))


def facts(dsn: str) -> dict[str, Any]:
    """What the figures were measured on."""
    connection = psycopg2.connect(dsn)
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        server = cursor.fetchone()[0]
    connection.close()
    return {
        "cpu": _first(Path("/proc/cpuinfo"), "model name") or platform.processor(),
        "cores": os.cpu_count(),
        "memory": _first(Path("/proc/meminfo"), "MemTotal"),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "django": version("django"),
        "psycopg2": version("psycopg2-binary"),
        "postgresql": server,
        "load": os.getloadavg()[0],
        "settings": check_settings(dsn),
    }


def commit() -> tuple[str, bool]:
    """The commit of the checkout, and whether files differ from it."""
    return _git("rev-parse", "--short", "HEAD"), bool(_git("status", "--porcelain"))


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], capture_output=True, text=True, check=False, cwd=BASE).stdout.strip()


def _first(path: Path, name: str) -> str:
    """The value of the first line `name: value` of a file of /proc; empty where there is none."""
    lines = path.read_text().splitlines() if path.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")


def _outside(dsn: str, text: str, *names: str) -> None:
    connection = psycopg2.connect(dsn)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(text).format(*map(sql.Identifier, names)))
    connection.close()
