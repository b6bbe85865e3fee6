"""`make run`: one a checkout, clear about what is in the way, gone without a trace."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from prm.dev import processes, supervisor
from prm.dev.processes import ServerProblem
from prm.dev.valkey import Valkey

BASE = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_taken_port_names_its_holder_and_the_way_out(taken, monkeypatch):
    monkeypatch.setenv("PORT", str(taken))

    with pytest.raises(ServerProblem) as caught:
        supervisor.web_port()

    assert f"port {taken} is taken by" in str(caught.value)
    assert f"pid {os.getpid()}" in str(caught.value)
    assert f"PORT={taken + 1} make run" in str(caught.value)


@pytest.mark.parametrize("said", ["http", "0", "70000", "-1", "80.5", ""])
def test_a_port_that_is_none_is_refused(said, monkeypatch):
    monkeypatch.setenv("PORT", said)

    with pytest.raises(ServerProblem, match="expected a number from 1 to 65535"):
        supervisor.web_port()


def test_a_second_supervisor_is_refused_and_told_where_the_first_serves(tmp_path):
    first = supervisor.only_one(tmp_path)
    first.write({"pid": 4711, "url": "http://127.0.0.1:8000"})

    with pytest.raises(ServerProblem, match=r"served already \(pid 4711, http://127.0.0.1:8000\)"):
        supervisor.only_one(tmp_path)
    first.close()

    supervisor.only_one(tmp_path).close()


def test_what_a_killed_supervisor_left_is_ended_and_a_stranger_with_its_pid_is_not(tmp_path):
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    with subprocess.Popen(sleep) as left, subprocess.Popen(sleep) as stranger:
        lock = supervisor.Lock(tmp_path / "supervisor.json")
        words = processes.command_line(left.pid)
        lock.write({"pid": 1, "children": {str(left.pid): words, str(stranger.pid): "another program"}})
        lock.close()

        supervisor.only_one(tmp_path).close()

        ended = [not processes.alive(process.pid) for process in (left, stranger)]
        left.kill()
        stranger.kill()
    assert ended == [True, False]


@pytest.mark.drill
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_everything_serves_and_a_signal_leaves_no_process(ending, tmp_path):
    port = processes.free_port()
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE_URL", "REDIS", "PRM_"))}
    served = subprocess.Popen(
        [sys.executable, "-m", "prm.dev.supervisor"], cwd=BASE, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, env={**ours, "PRM_STATE_DIR": str(tmp_path), "PORT": str(port)},
    )  # fmt: skip
    lines = []
    for line in served.stdout:
        lines.append(line)
        if "PRM is running" in line:
            break
    assert answers(port), "".join(lines)
    time.sleep(10)  # workers and beat have started
    family = descendants(served.pid)
    assert len(family) >= 5

    served.send_signal(ending)
    rest = served.communicate(timeout=60)[0]

    assert served.returncode == 0, "".join(lines) + rest
    assert "Traceback" not in "".join(lines) + rest
    assert [processes.command_line(pid) for pid in family if processes.alive(pid)] == []
    assert list(tmp_path.glob("postgres/postmaster.pid")) == []
    assert processes.port_is_free(port)


def answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/livez", timeout=10).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def descendants(pid: int) -> set[int]:
    parents = {
        int(path.parent.name): int(path.read_text().rpartition(")")[2].split()[1])
        for path in Path("/proc").glob("[0-9]*/stat")
    }
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def test_a_server_that_was_killed_runs_again_at_its_address(tmp_path, capsys):
    valkey = Valkey(tmp_path, "secret")
    valkey.start()
    address, killed = valkey.url(), valkey.pid()
    try:
        os.kill(killed, signal.SIGKILL)
        until = time.monotonic() + 10
        while valkey.pid() and time.monotonic() < until:
            time.sleep(0.02)

        supervisor.look_after([valkey])

        assert valkey.answers()
        assert valkey.url() == address
        assert "Valkey had died and runs again" in capsys.readouterr().err
    finally:
        valkey.stop()


@pytest.mark.parametrize(("command", "said"), [("apt-get install pango", 1), ("", 0)])
def test_the_banner_says_in_one_line_how_to_get_pango_where_it_is_missing(command, said, monkeypatch, capsys, settings):
    monkeypatch.setenv("PRM_SITE_URL", "http://127.0.0.1:8000")
    monkeypatch.setattr(supervisor.pdf, "missing", lambda: command)
    monkeypatch.setattr(supervisor, "get_commands", dict)
    supervisor.banner(1.0)
    assert [line for line in capsys.readouterr().out.splitlines() if "PDF" in line] == [
        f"PDF buttons are off: the system's Pango is missing ({command})"
    ] * said


def test_two_runs_at_once_never_want_the_same_port_for_their_providers():
    wanted = [supervisor.provider_ports(web) for web in range(1, 65536)]
    fixed = [port for pair in wanted for port in pair if port]
    assert supervisor.provider_ports(8000) == (8025, 8026)
    assert len(fixed) == len(set(fixed))
    assert all(1024 <= port < 65536 for port in fixed)
