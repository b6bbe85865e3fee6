"""I6: behind PgBouncer in transaction mode no client ever sees another's practice; a session-level setting would."""

import os
import random
import shutil
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, connections

from accounts.models import Clinic
from prm.dev import unprivileged
from prm.tenancy import use_practice
from tests.factories.accounts import ClinicFactory, PracticeFactory
from tests.security import figures

# The control sets the practice for its session, which I4 cannot know of.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.without_practice]

HOW_TO_GET_IT = "no PgBouncer found: apt-get install pgbouncer, brew install pgbouncer, or as your system has it"

CLIENTS, POOLED = 8, 2
NOBODY = 65534
READS = 10_000  # in all
CONTROL_READS = 1_200
BROKEN_EVERY = 50  # every so many reads the transaction ends by an error


@pytest.fixture
def pooler(pytestconfig: pytest.Config) -> str:
    """PgBouncer's path. Where there is none the run says in red that I6 proved nothing, in CI it fails."""
    found = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")
    if found is None:
        figures.not_run(pytestconfig, "I6 wrong reads", 0, HOW_TO_GET_IT)
        (pytest.fail if os.environ.get("CI") else pytest.skip)(HOW_TO_GET_IT)
    return str(found)


@pytest.fixture
def pooled(pooler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """New connections of this test's threads go through PgBouncer: transaction mode, two connections to the server."""
    given = connection.settings_dict
    port = _free_port()
    (tmp_path / "users").write_text(f'"{given["USER"]}" "{given["PASSWORD"]}"\n')
    (tmp_path / "pgbouncer.ini").write_text(f"""
[databases]
{given["NAME"]} = host={given["HOST"]} port={given["PORT"]} dbname={given["NAME"]}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = plain
auth_file = {tmp_path / "users"}
pool_mode = transaction
default_pool_size = {POOLED}
max_client_conn = 50
server_reset_query =
logfile = {tmp_path / "log"}
""")
    command = [pooler, "-q", str(tmp_path / "pgbouncer.ini")]
    if (
        os.geteuid() == 0
    ):  # it refuses to run as root: in a namespace of its own it is not, and root's files stay its own
        command = [sys.executable, unprivileged.__file__, "namespace", str(NOBODY), *command]
    process = subprocess.Popen(command)
    try:
        _wait_for(port, process)
        monkeypatch.setitem(connections.settings["default"], "HOST", "127.0.0.1")
        monkeypatch.setitem(connections.settings["default"], "PORT", str(port))
        monkeypatch.setitem(connections.settings["default"], "NAME", given["NAME"])
        yield
    finally:
        process.terminate()
        process.wait(timeout=10)


def test_i6_no_client_sees_another_practice_behind_a_pool(pooled: None, report: figures.Report) -> None:
    practices = _practices()
    scoped = sum(_at_once(practices, READS, _read_scoped), Counter())
    control = sum(_at_once(practices, CONTROL_READS, _read_by_session), Counter())
    assert scoped["read"] >= READS * 0.9
    assert control["wrong"] > 0, "the control must fail: else this test could not"
    seen = f"of {scoped['read']} (by session {control['wrong']} of {control['read']})"
    report(f"I6 wrong reads {seen}", scoped["wrong"], 0, scoped["wrong"] == 0)


def _practices() -> list[UUID]:
    found = []
    for _number in range(CLIENTS):
        practice = PracticeFactory()
        with use_practice(practice.pk):
            ClinicFactory()
        found.append(practice.pk)
    return found


def _at_once(practices: list[UUID], reads: int, read) -> list[Counter]:
    with ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(lambda own: _client(own, practices, reads // CLIENTS, read), range(CLIENTS)))


def _client(seed: int, practices: list[UUID], reads: int, read) -> Counter:
    chance, done = random.Random(seed), Counter()
    try:
        for number in range(reads):
            wanted = chance.choice(practices)
            try:
                seen = read(wanted, broken=number % BROKEN_EVERY == BROKEN_EVERY - 1)
            except DatabaseError:
                done["error"] += 1
                connection.close()
                continue
            done["read"] += 1
            done["wrong"] += seen != [wanted]
    finally:
        connection.close()
    return done


def _read_scoped(wanted: UUID, *, broken: bool) -> list[UUID]:
    with use_practice(wanted):
        if broken:
            _fail()
        return list(Clinic.objects.values_list("practice_id", flat=True))


def _read_by_session(wanted: UUID, *, broken: bool) -> list[UUID]:
    """What use_practice must not do: a setting that outlives its transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('prm.practice', %s, false)", [str(wanted)])
        cursor.execute("SELECT practice_id FROM accounts_clinic")
        return [row[0] for row in cursor.fetchall()]


def _fail() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 / 0")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen) -> None:
    for _try in range(100):
        assert process.poll() is None, "PgBouncer did not start"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("PgBouncer does not listen")
