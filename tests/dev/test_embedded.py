"""Embedded servers: started once, shared, stopped by the last user; what goes wrong is told in one line."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from prm.dev import keys, processes
from prm.dev.postgres import Postgres
from prm.dev.valkey import Valkey

BASE = Path(__file__).resolve().parent.parent.parent
USE = """
import json, os, sys
from prm.dev import embedded
embedded.prepare(os.environ)
import psycopg2, redis
with psycopg2.connect(os.environ["DATABASE_URL_APP"]) as connection, connection.cursor() as cursor:
    cursor.execute("SELECT current_user, current_database(), pg_postmaster_start_time()::text, "
                   "(SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user)")
    who = cursor.fetchone()
pong = redis.Redis.from_url(os.environ["REDIS_URL"]).ping()
print(json.dumps([who, pong, os.environ["DATABASE_URL_APP"]]), flush=True)
if "stay" in sys.argv:
    sys.stdin.read()
"""


def environment(folder: Path) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE_URL", "REDIS", "PRM_"))}
    return {**ours, "PRM_STATE_DIR": str(folder)}


def start(folder: Path, *arguments: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", USE, *arguments], cwd=BASE, env=environment(folder), text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def use(folder: Path) -> list:
    done = start(folder)
    said, errors = done.communicate(timeout=120)
    assert done.returncode == 0, errors
    return json.loads(said)


def servers(folder: Path) -> tuple[Postgres, Valkey]:
    secrets = keys.load(folder)
    return Postgres(folder, secrets["postgres"]), Valkey(folder, secrets["valkey"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Iterator[Path]:
    made = tmp_path_factory.mktemp("e")
    yield made
    for server in servers(made):
        server.stop()


def test_a_command_on_a_bare_checkout_gets_servers_and_leaves_none(folder):
    (user, database, _began, powerful), pong, _url = use(folder)

    assert (user, database, powerful, pong) == ("prm_app", "prm", False, True)
    assert [server.pid() for server in servers(folder)] == [None, None]
    assert (folder / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_two_commands_share_the_servers_and_the_last_one_stops_them(folder):
    first = start(folder, "stay")
    began = json.loads(first.stdout.readline())[0][2]

    assert use(folder)[0][2] == began  # the second one comes and goes
    assert None not in [server.pid() for server in servers(folder)]
    first.communicate("", timeout=60)
    assert [server.pid() for server in servers(folder)] == [None, None]


def test_servers_of_a_killed_command_serve_the_next_one_which_stops_them(folder):
    first = start(folder, "stay")
    began = json.loads(first.stdout.readline())[0][2]
    first.kill()
    first.communicate()

    assert use(folder)[0][2] == began
    assert [server.pid() for server in servers(folder)] == [None, None]


def test_a_server_that_was_killed_starts_again_although_its_pid_belongs_to_another_program(folder):
    first = start(folder, "stay")
    first.stdout.readline()
    for server in servers(folder):
        processes.stop(server.pid(), first=signal.SIGKILL)
    first.kill()
    first.communicate()
    pid_file = folder / "postgres" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")

    assert use(folder)[0][0] == "prm_app"


def test_a_path_too_long_for_a_socket_is_served_on_loopback(tmp_path):
    folder = tmp_path / ("long" * 25)

    url = use(folder)[2]

    assert "@127.0.0.1:" in url


def test_a_broken_file_of_ours_is_one_line_without_a_traceback(tmp_path):
    (tmp_path / "secrets.json").write_text("{half")

    done = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=BASE, env=environment(tmp_path), capture_output=True, text=True
    )

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "secrets.json cannot be read" in done.stderr


def test_postgresql_that_cannot_start_is_one_line_that_names_the_cause(folder):
    use(folder)
    version = folder / "postgres" / "PG_VERSION"
    before = version.read_text()
    version.write_text("12\n")
    try:
        done = subprocess.run(
            [sys.executable, "manage.py", "check"], cwd=BASE, env=environment(folder), capture_output=True, text=True
        )
    finally:
        version.write_text(before)

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "make reset" in done.stderr


def test_a_full_disk_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(processes.shutil, "disk_usage", lambda _folder: SimpleNamespace(free=5 * 2**20))

    with pytest.raises(processes.ServerProblem, match="has 5 MB left"):
        Postgres(tmp_path, "x").start()


def test_commands_print_nothing_but_their_own_output(folder):
    done = subprocess.run(
        [sys.executable, "manage.py", "diffsettings", "--output", "unified"], cwd=BASE, env=environment(folder),
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert len(done.stdout.splitlines()) > 50
    assert {line[0] for line in done.stdout.splitlines()} <= set(" +-")
