"""`python -m prm.dev.supervisor`, behind `make run`: everything at once, in one terminal, gone when it stops."""

import fcntl
import importlib.util
import json
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from django.core.management import call_command, get_commands, load_command_class

from prm.dev import embedded, processes, setup, terminal
from prm.dev.children import Child, Family
from prm.dev.postgres import Postgres
from prm.dev.processes import ServerProblem
from prm.dev.valkey import Valkey
from prm.ui import pdf

HOST = "127.0.0.1"
LOOK_EVERY = 2.0  # seconds between two looks at PostgreSQL and Valkey
FIRST_ANSWER = 60  # seconds that the web server may take


class Stop(Exception):
    """Somebody asked us to end (Ctrl-C, SIGTERM, SIGHUP)."""


def main() -> None:
    """Set up, serve until stopped. Exit status 0 after Ctrl-C or SIGTERM, 1 for a problem of this machine."""
    began = time.monotonic()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, ask_to_stop)
    with terminal.one_line_errors():
        try:
            serve(began)
        except Stop:
            say("stopped")


def serve(began: float) -> None:
    """Everything between the lock that keeps a second supervisor out and the last child's end."""
    os.environ.setdefault("PRM_DEVELOPMENT", "1")
    # A developer who is root in a container needs no warning about it from every worker.
    os.environ.setdefault("PYTHONWARNINGS", "ignore:You're running the worker with superuser privileges")
    folder = embedded.state_dir(os.environ)
    folder.mkdir(parents=True, exist_ok=True)
    lock = only_one(folder)
    try:
        port = web_port()
        os.environ.setdefault("PRM_SITE_URL", f"http://{HOST}:{port}")
        say("using DATABASE_URL" if os.environ.get("DATABASE_URL") else "starting PostgreSQL and Valkey")
        servers = embedded.own_servers(os.environ)
        embedded.prepare(os.environ)
        setup.run()
        load_second()
        os.environ.pop("DATABASE_URL", None)  # children get their own roles' URLs, not the administrator's
        family = Family()
        web, *others = children(port)
        try:
            family.start(web)
            remember(lock, family)
            wait_for_answer(family, port)
            banner(time.monotonic() - began)
            for child in others:
                family.start(child)
                remember(lock, family)
            looked = time.monotonic()
            while True:
                family.tick()
                if time.monotonic() - looked > LOOK_EVERY:
                    look_after(servers)
                    looked = time.monotonic()
        finally:
            signal_twice_kills()
            say("stopping")
            family.stop()
            forget(lock)
    finally:
        lock.close()


def children(port: int) -> list[Child]:
    """What runs, as far as it exists: web, workers by queue, beat, charts, HL7 listener, provider simulators, demo."""
    python, celery = sys.executable, [sys.executable, "-m", "celery", "-q", "-A", "prm"]
    worker = [*celery, "worker", "--loglevel", "WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat"]
    cores = os.cpu_count() or 2
    found = [
        Child(
            "web",
            [
                *[python, "-m", "granian", "--interface", "wsgi", "--host", HOST, "--port", str(port)],
                *["--workers", str(cores + 1), "--blocking-threads", "1", "--no-ws", "--log-level", "error"],
                *["--workers-kill-timeout", "10", "--backpressure", "64", "prm.wsgi:application"],
            ],
            patience=15,
        ),
        Child("worker", [*worker, "-n", "worker@%h", "-Q", "deliver,evaluate,ingest", "-c", str(cores)]),
        Child("reports", [*worker, "-n", "reports@%h", "-Q", "report", "-c", "1"]),
        Child(
            "beat", [*celery, "beat", "-S", "prm.celery:OneBeat", "--pidfile=", "--loglevel", "WARNING"], patience=10
        ),
    ]
    if "charts" in get_commands():
        os.environ["PRM_CHARTS_AUTOSTART"] = "0"
        found.append(Child("charts", [python, "manage.py", "charts"], patience=5))
    if "mllp" in get_commands():
        found.append(Child("mllp", [python, "manage.py", "mllp"], patience=30))
    if importlib.util.find_spec("prm.dev.providers"):
        http, smtp = (processes.free_port(wanted) for wanted in provider_ports(port))
        os.environ.setdefault("SENDGRID_API_BASE", f"http://{HOST}:{http}")
        ports = ["--http", str(http), "--smtp", str(smtp), "--site", os.environ["PRM_SITE_URL"]]
        found.append(Child("providers", [python, "-m", "prm.dev.providers", *ports], patience=5))
    if "demo" in get_commands():
        found.append(Child("demo", [python, "manage.py", "demo", "load"], once=True, patience=10))
    return found


def provider_ports(web: int) -> tuple[int, int]:
    """The providers' HTTP and SMTP ports beside a web port: 8025 and 8026 beside 8000, others beside any other.

    Two `make run` have two web ports. Were both to look for 8025, both would find it free and one would not get it.
    """
    first = 8025 + 2 * (web - 8000)
    return (first, first + 1) if 1024 <= first < 32768 else (0, 0)


def web_port() -> int:
    """PORT or 8000. ServerProblem says who has it where it is taken."""
    said = os.environ.get("PORT", "8000")
    if not said.isdigit() or not 0 < int(said) < 65536:
        raise ServerProblem(f"PORT={said!r}: expected a number from 1 to 65535")
    port = int(said)
    if not processes.port_is_free(port, HOST):
        raise ServerProblem(
            f"port {port} is taken by {processes.holder_of(port)}: stop it, or choose another: PORT={port + 1} make run"
        )
    return port


def only_one(folder: Path) -> "Lock":
    """The lock of this checkout. ServerProblem where another supervisor serves; what a killed one left is ended."""
    lock = Lock(folder / "supervisor.json")
    if not lock.take():
        other = lock.read()
        raise ServerProblem(
            f"this checkout is served already (pid {other.get('pid', '?')}, {other.get('url', 'starting')}): "
            "stop it with Ctrl-C there"
        )
    for pid, words in lock.read().get("children", {}).items():
        if processes.alive(int(pid)) and processes.command_line(int(pid)) == words:
            say(f"ending {words[:60]} (pid {pid}), which a killed supervisor left behind")
            processes.stop(int(pid))
    lock.write({"pid": os.getpid()})
    return lock


class Lock:
    """A file that is locked while its owner lives and tells others who that is."""

    def __init__(self, path: Path) -> None:
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)

    def take(self) -> bool:
        """True where nobody else holds it."""
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def read(self) -> dict:
        """What the last owner wrote; empty where that makes no sense."""
        try:
            return json.loads(os.pread(self.descriptor, 1_000_000, 0))
        except ValueError:
            return {}

    def write(self, content: dict) -> None:
        """Replace the content."""
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, json.dumps(content).encode(), 0)

    def close(self) -> None:
        """Let go."""
        os.close(self.descriptor)


def remember(lock: Lock, family: Family) -> None:
    """Write down who our children are, for a successor of a killed supervisor."""
    pids = [child.process.pid for child in family.children if child.process and child.running]
    known = {str(pid): processes.command_line(pid) for pid in pids}
    lock.write({"pid": os.getpid(), "url": os.environ["PRM_SITE_URL"], "children": known})


def forget(lock: Lock) -> None:
    """Nothing of ours runs any more."""
    lock.write({})


def wait_for_answer(family: Family, port: int) -> None:
    """Until the web server answers. ServerProblem where it does not within a minute."""
    url, until = f"http://{HOST}:{port}/livez", time.monotonic() + FIRST_ANSWER
    while time.monotonic() < until:
        family.tick(0.1)
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except urllib.error.HTTPError:
            return  # an answer, if not the one hoped for
        except OSError:
            continue
        else:
            return
    raise ServerProblem(f"the web server did not answer within {FIRST_ANSWER} seconds: its lines above tell why")


def look_after(servers: Sequence[Postgres | Valkey]) -> None:
    """Start again what crashed of the embedded servers, and say so; what does not start is tried again."""
    for server in servers:
        name = "PostgreSQL" if isinstance(server, Postgres) else "Valkey"
        try:
            if embedded.revive(server):
                say(f"{name} had died and runs again (its last words: {server.log})")
        except ServerProblem as problem:
            say(f"{name} died and does not start: {problem}; trying again")


def load_second() -> None:
    """The small demo practice, so that the first page has something to show; the large one follows later."""
    if "demo" in get_commands():
        say("loading the demo practice second")
        call_command("demo", "load", "--only", "second", stdout=sys.stderr)


def banner(seconds: float) -> None:
    """Where to go and how to sign in."""
    lines = [
        "",
        f"PRM is running at {os.environ['PRM_SITE_URL']}/ (started in {seconds:.1f} s; Ctrl-C stops everything)",
    ]
    if command := pdf.missing():
        lines.append(f"PDF buttons are off: the system's Pango is missing ({command})")
    if "demo" in get_commands():
        lines += load_command_class(get_commands()["demo"], "demo").sign_ins()  # type: ignore[attr-defined]
    print("\n".join([*lines, ""]), flush=True)


def ask_to_stop(_number: int, _frame: FrameType | None) -> None:
    """Signal handler: leave whatever we are in; `finally` stops the children."""
    raise Stop


def signal_twice_kills() -> None:
    """While we stop, another Ctrl-C must not interrupt the stopping."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def say(text: str) -> None:
    """Progress, on standard error."""
    print(f"run: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
