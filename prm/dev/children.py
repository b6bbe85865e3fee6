"""The children of the supervisor: start, prefix their lines, restart what crashes, stop all of them."""

import contextlib
import ctypes
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, cast

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds before a crashed child is started again
STEADY = 60.0  # seconds; who ran longer starts with the first pause again
COLOURS = (36, 33, 35, 32, 34, 96, 93, 95)
PR_SET_PDEATHSIG = 1


@dataclass
class Child:
    """One program. `once` ends by itself (status 0); anything else that ends has crashed and is started again.

    `patience`: seconds between SIGTERM and SIGKILL when everything stops.
    """

    name: str
    command: list[str]
    once: bool = False
    patience: float = 30.0
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = FIRST_PAUSE
    restart_at: float | None = None
    rest: bytes = b""  # of a line that is not finished

    @property
    def running(self) -> bool:
        """True while its process lives."""
        return self.process is not None and self.process.poll() is None


class Family:
    """All children of one supervisor, and the one loop that looks after them."""

    def __init__(self, write: Callable[[str], None] = lambda line: print(line, flush=True)) -> None:
        self.children: list[Child] = []
        self.selector = selectors.DefaultSelector()
        self.write = write
        self.colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def start(self, child: Child) -> None:
        """Start a child in a session of its own, so that Ctrl-C reaches the supervisor alone."""
        if child not in self.children:
            self.children.append(child)
        child.process = process = subprocess.Popen(
            child.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **child.environment},
            start_new_session=True,
            preexec_fn=die_with_parent if sys.platform == "linux" else None,
        )
        child.started, child.restart_at = time.monotonic(), None
        assert process.stdout  # noqa: S101  (a pipe was asked for)
        os.set_blocking(process.stdout.fileno(), False)
        self.selector.register(process.stdout, selectors.EVENT_READ, child)

    def tick(self, seconds: float = 0.2) -> None:
        """Pass on what the children said within `seconds`, restart those whose pause is over."""
        self._listen(seconds)
        for child in self.children:
            if child.process and child.process.poll() is not None and child.restart_at is None:
                self._ended(child, child.process)
            if child.restart_at is not None and time.monotonic() >= child.restart_at:
                self.start(child)

    def stop(self) -> None:
        """SIGTERM to every child at once, SIGKILL to whole groups that outstay their patience. Leaves no process."""
        began, asked = time.monotonic(), [child for child in self.children if child.running]
        for child in asked:
            if child.process:
                child.process.send_signal(signal.SIGTERM)
        while any(child.running for child in asked):
            self._listen(0.1)
            for child in asked:
                if child.process and child.running and time.monotonic() - began > child.patience:
                    self.say(child, f"did not stop within {child.patience:.0f} s, killing it")
                    kill_group(child.process)
        for child in self.children:
            if child.process:
                kill_group(child.process)  # what a killed parent left behind
        self._listen(0)
        for key in list(self.selector.get_map().values()):
            self.selector.unregister(key.fileobj)
            cast("IO[bytes]", key.fileobj).close()

    def say(self, child: Child, text: str) -> None:
        """One line in a child's name."""
        width = max(len(other.name) for other in self.children)
        prefix = f"{child.name:<{width}} |"
        if self.colour:
            prefix = f"\033[{COLOURS[self.children.index(child) % len(COLOURS)]}m{prefix}\033[0m"
        self.write(f"{prefix} {text}")

    def _listen(self, seconds: float) -> None:
        for key, _events in self.selector.select(seconds):
            self._read(key.data, cast("IO[bytes]", key.fileobj))

    def _read(self, child: Child, stream: IO[bytes]) -> None:
        while True:
            chunk = stream.read(65536)
            if chunk is None:  # nothing more for now
                return
            if chunk == b"":
                with contextlib.suppress(KeyError):
                    self.selector.unregister(stream)
                stream.close()
                if child.rest:
                    self.say(child, child.rest.decode(errors="replace"))
                    child.rest = b""
                return
            *lines, child.rest = (child.rest + chunk).split(b"\n")
            for line in lines:
                if line.strip():
                    self.say(child, line.decode(errors="replace").rstrip("\r"))

    def _ended(self, child: Child, process: subprocess.Popen[bytes]) -> None:
        status, ran = process.returncode, time.monotonic() - child.started
        self._listen(0)
        if child.once and status == 0:
            child.process = None
            return
        kill_group(process)  # its own children must not hold ports or jobs
        child.pause = FIRST_PAUSE if ran > STEADY else min(child.pause * 2, LONGEST_PAUSE)
        how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        self.say(child, f"{how}; starting it again in {child.pause:.0f} s")
        child.restart_at = time.monotonic() + child.pause


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to whatever is left of a child's process group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def die_with_parent() -> None:
    """Linux: let the kernel stop this child when the supervisor is killed without a chance to do it."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
