"""Small facts about processes and ports that the embedded servers and the supervisor share."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path


class ServerProblem(Exception):
    """Something on this machine keeps a server from running; the message is one line: the cause and what to do."""


def alive(pid: int) -> bool:
    """True where a process of that id exists (a zombie that nobody has waited for counts as gone)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (OSError, IndexError):
        return True  # macOS has no /proc


def command_line(pid: int) -> str:
    """The words of a running process, or "" where it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        if Path("/proc/self").exists():
            return ""
    found = subprocess.run(["ps", "-p", str(pid), "-o", "command="], capture_output=True, text=True, check=False)
    return found.stdout.strip()


def stop(pid: int, *, first: int = signal.SIGTERM, patience: float = 10) -> None:
    """Ask a process to end with signal `first`, wait up to `patience` seconds, then kill it."""
    for number, wait in ((first, patience), (signal.SIGKILL, 5.0)):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        until = time.monotonic() + wait
        while time.monotonic() < until:
            with contextlib.suppress(ChildProcessError):  # not our child: another command started it
                os.waitpid(pid, os.WNOHANG)
            if not alive(pid):
                return
            time.sleep(0.02)


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """True where a server could listen on `host`:`port` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port(preferred: int | None = None, *, patience: float = 0) -> int:
    """`preferred` if it is free within `patience` seconds, else one that the system hands out.

    A killed server's port is taken for a moment longer than its process can be seen: the kernel closes files last.
    """
    until = time.monotonic() + patience
    while preferred and not (free := port_is_free(preferred)) and time.monotonic() < until:
        time.sleep(0.02)
    if preferred and free:
        return preferred
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def holder_of(port: int) -> str:
    """Who listens on a TCP port, as "name (pid 12)", or "another process" where the system does not tell."""
    inodes = {
        fields[9]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        if Path(table).exists()
        for fields in (line.split() for line in Path(table).read_text().splitlines()[1:])
        if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port
    }
    for entry in Path("/proc").glob("[0-9]*/fd/*") if inodes else ():
        try:
            target = os.readlink(entry)
        except OSError:
            continue
        if target.startswith("socket:[") and target[8:-1] in inodes:
            pid = int(entry.parts[2])
            return f"{command_line(pid)[:80] or 'a process'} (pid {pid})"
    if shutil.which("lsof"):
        found = subprocess.run(
            ["lsof", "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-Fpc"], capture_output=True, text=True, check=False
        )
        words = {line[0]: line[1:] for line in found.stdout.splitlines() if line}
        if "p" in words:
            return f"{words.get('c', 'a process')} (pid {words['p']})"
    return "another process"


def room(folder: Path, megabytes: int) -> None:
    """ServerProblem where the disk under `folder` has less than `megabytes` free."""
    free = shutil.disk_usage(folder).free // 2**20
    if free < megabytes:
        raise ServerProblem(
            f"the disk of {folder} has {free} MB left, {megabytes} MB are needed: free some and try again"
        )
