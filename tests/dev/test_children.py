"""The supervisor's children: prefixed lines, restarts, and nothing left when it stops."""

import os
import sys
import time
from collections.abc import Iterator

import pytest

from prm.dev import children, processes
from prm.dev.children import Child, Family


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def family(lines, monkeypatch) -> Iterator[Family]:
    monkeypatch.setattr(children, "FIRST_PAUSE", 0.05)
    made = Family(write=lines.append)
    yield made
    made.stop()


def until(family: Family, condition, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        family.tick(0.05)


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_every_line_carries_its_childs_name_even_the_unfinished_last(family, lines):
    family.start(Child("web", python("print('one'); print('two', end='')"), once=True))
    family.start(Child("worker", python("import sys; print('three', file=sys.stderr)"), once=True))

    until(family, lambda: len(lines) == 3 and not any(child.process for child in family.children))

    assert sorted(lines) == ["web    | one", "web    | two", "worker | three"]


def test_a_crashed_child_is_started_again_and_says_so(family, lines, tmp_path):
    counter = tmp_path / "starts"
    code = f"open({str(counter)!r}, 'a').write('x'); import sys; sys.exit(3)"
    family.start(Child("web", python(code), pause=0.02))

    until(family, lambda: counter.exists() and len(counter.read_text()) >= 3)

    assert [line for line in lines if "ended with status 3; starting it again" in line][:1] == [lines[0]]


def test_a_killed_child_is_named_by_its_signal(family, lines):
    child = Child("worker", python("import time; time.sleep(60)"), pause=0.02)
    family.start(child)
    first = child.process.pid
    os.kill(first, 9)

    until(family, lambda: child.process is not None and child.process.pid != first)

    assert lines == ["worker | was killed by SIGKILL; starting it again in 0 s"]


def test_a_child_that_runs_once_is_not_started_again(family, lines, tmp_path):
    counter = tmp_path / "starts"
    child = Child("demo", python(f"open({str(counter)!r}, 'a').write('x')"), once=True)
    family.start(child)

    until(family, lambda: child.process is None)
    for _ in range(5):
        family.tick(0.02)

    assert (counter.read_text(), lines) == ("x", [])


def test_stopping_ends_children_grandchildren_and_the_stubborn(lines):
    family = Family(write=lines.append)
    stubborn = python(
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)"
    )
    polite = Child("web", python("import time; time.sleep(60)"))
    family.start(Child("worker", stubborn, patience=0.3))
    family.start(polite)
    until(family, lambda: bool(lines))
    grandchild = int(lines[0].split("|")[1])
    pids = [child.process.pid for child in family.children] + [grandchild]

    family.stop()

    until(Family(), lambda: not any(processes.alive(pid) for pid in pids))  # a killed orphan waits for init to bury it
    assert polite.process.returncode == -15
    assert "worker | did not stop within 0 s, killing it" in lines
