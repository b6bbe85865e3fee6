"""Asks the chart process (`manage.py charts`) for a picture; keeps each result by the hash of what made it.

vl-convert holds the interpreter's lock while it draws and hangs in a process forked after its first use, so it lives in
one process of its own and is imported nowhere else (reports.md 5). Here is the client: one JSON line to a Unix socket,
one JSON line back.
"""

from __future__ import annotations

import atexit
import base64
import contextlib
import hashlib
import json
import logging
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from importlib.metadata import version
from pathlib import Path

from django.conf import settings

from prm.ui.charts import Spec

log = logging.getLogger(__name__)

VEGA_LITE = "6.4"
LIMIT = 10  # seconds a picture may take; the process kills itself then
START_LIMIT = 25  # seconds for the first start: V8 and the fonts
LONGEST_PATH = 100  # bytes of a Unix socket's address on macOS (104) and Linux (108), with room for the suffix
MAX_ANSWER = 20 * 2**20

_starting = threading.Lock()
_started: list[subprocess.Popen[bytes]] = []


class RendererDown(Exception):
    """No picture could be had: the process does not answer, took too long or refused the spec."""


def socket_path() -> Path:
    """Where the chart process listens: in PRM_STATE_DIR, or in a private folder where that path is too long."""
    path = settings.STATE_DIR / "charts.sock"
    if len(os.fsencode(path)) <= LONGEST_PATH:
        return path
    name = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"prm-{os.getuid()}-{name}" / "charts.sock"


def svg(spec: Spec) -> str:
    """The spec as SVG text without width of its own theme. RendererDown where none can be had."""
    return _kept(spec, "svg").decode()


def png(spec: Spec, *, scale: int = 2) -> bytes:
    """The spec as PNG, `scale` pixels a px. RendererDown where none can be had."""
    return _kept(spec, "png", scale)


def _kept(spec: Spec, form: str, scale: int = 1) -> bytes:
    request = json.dumps({"spec": spec, "form": form, "scale": scale}, sort_keys=True, separators=(",", ":"))
    made_by = f"{version('vl-convert-python')} {VEGA_LITE}"
    path = settings.STATE_DIR / "charts" / f"{hashlib.sha256(f'{made_by}{request}'.encode()).hexdigest()}.{form}"
    with contextlib.suppress(FileNotFoundError):
        return path.read_bytes()
    answer = _ask(request)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(answer)
    Path(file.name).replace(path)
    return answer


def _ask(request: str) -> bytes:
    try:
        return _exchange(request)
    except (FileNotFoundError, ConnectionError) as problem:
        if not settings.CHARTS_AUTOSTART:
            raise RendererDown("the chart process is not running") from problem
    _start()
    try:
        return _exchange(request)
    except (FileNotFoundError, ConnectionError) as problem:
        raise RendererDown("the chart process does not answer") from problem


def _exchange(request: str) -> bytes:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(LIMIT + 5)
        connection.connect(str(socket_path()))
        try:
            connection.sendall(request.encode() + b"\n")
            with connection.makefile("rb") as lines:
                line = lines.readline(MAX_ANSWER)
        except TimeoutError as problem:
            raise RendererDown(f"no picture within {LIMIT} seconds") from problem
    if not line:
        raise ConnectionResetError("the chart process ended before it answered")
    answer = json.loads(line)
    if "error" in answer:
        log.warning("charts.refused")
        raise RendererDown(answer["error"])
    return base64.b64decode(answer["picture"])


def _start() -> None:
    """Start the process as our child, for tests and commands; it ends when we do, as its standard input closes."""
    with _starting:
        if _started and _started[0].poll() is not None:
            _end(_started.pop())
        if not _started:
            log.info("charts.start")
            _started.append(
                subprocess.Popen(  # noqa: S603  (our own command line)
                    [sys.executable, str(settings.BASE_DIR / "manage.py"), "charts", "--until-stdin-closes"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    start_new_session=True,  # a Ctrl-C is ours to handle; the closing input ends it
                )
            )
        until = time.monotonic() + START_LIMIT
        while time.monotonic() < until:
            with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(OSError):
                probe.connect(str(socket_path()))
                return
            if _started[0].poll() is not None:
                raise RendererDown(f"the chart process ended at once with status {_started[0].returncode}")
            time.sleep(0.05)
        raise RendererDown(f"the chart process did not start within {START_LIMIT} seconds")


@atexit.register
def stop() -> None:
    """End the process that this one started, if any."""
    while _started:
        _end(_started.pop())


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.stdin:
        with contextlib.suppress(OSError):
            child.stdin.close()
    try:
        child.wait(timeout=5)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
