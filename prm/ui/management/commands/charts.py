"""Draws charts, one at a time, for every other process of this machine."""

import base64
import contextlib
import fcntl
import importlib
import json
import logging
import select
import signal
import socket
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from prm.ui.chart_renderer import LIMIT, VEGA_LITE, socket_path
from prm.ui.charts import SCHEMA

log = logging.getLogger(__name__)

MAX_REQUEST = 5 * 2**20
KEEP = 30 * 86_400  # seconds that a picture is kept after it was made
FIRST = {"$schema": SCHEMA, "data": {"values": [{"a": 1}]}, "mark": "point", "encoding": {}}


class Command(BaseCommand):
    """Listen on the Unix socket in PRM_STATE_DIR; a picture that takes over 10 s ends the process (it is restarted)."""

    help = "Draw charts for the other processes (a Unix socket in PRM_STATE_DIR)"
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--until-stdin-closes`: end with the process that started this one."""
        parser.add_argument("--until-stdin-closes", action="store_true")

    def handle(self, *args: Any, until_stdin_closes: bool, **options: Any) -> None:
        """Serve until SIGTERM or SIGINT; waits where another process already serves, and takes over when it ends."""
        path = socket_path()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _leave)
        # Python cannot run a handler while vl-convert holds the lock: the system's own action ends the process.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        with path.with_suffix(".lock").open("w") as lock:
            if not _take(lock, until_stdin_closes):
                return
            _forget_old(settings.STATE_DIR / "charts")
            vega = _load()
            path.unlink(missing_ok=True)
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(str(path))
                path.chmod(0o600)
                listener.listen(64)
                log.info("charts.ready")
                try:
                    _serve(vega, listener, until_stdin_closes)
                finally:
                    path.unlink(missing_ok=True)


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


def _take(lock: Any, until_stdin_closes: bool) -> bool:
    """Wait until no other process serves; False where our starter ended meanwhile."""
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if until_stdin_closes and select.select([sys.stdin], [], [], 0.2)[0]:
                return False
            time.sleep(0 if until_stdin_closes else 0.2)


def _load() -> ModuleType:
    """vl-convert with our font, warm: the first picture starts V8 (1 to 3 s)."""
    vega = importlib.import_module("vl_convert")  # here and nowhere else
    with contextlib.suppress(ModuleNotFoundError):  # without the package the system's fonts measure the text
        figtree = importlib.import_module("fontpkg_figtree")
        vega.register_font_directory(str(Path(figtree.__file__ or "").parent / "files"))
    vega.vegalite_to_svg(FIRST, vl_version=VEGA_LITE, allowed_base_urls=[])
    return vega


def _forget_old(folder: Path) -> None:
    for path in folder.glob("*"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > KEEP:
                path.unlink()


def _serve(vega: ModuleType, listener: socket.socket, until_stdin_closes: bool) -> None:
    sources: list[Any] = [listener, sys.stdin] if until_stdin_closes else [listener]
    while True:
        ready = select.select(sources, [], [])[0]
        if sys.stdin in ready and not sys.stdin.buffer.read1(1):
            return
        if listener in ready:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):  # a caller that went away
                connection.settimeout(5)
                with connection.makefile("rb") as lines:
                    line = lines.readline(MAX_REQUEST)
                if line:
                    connection.sendall(json.dumps(_answer(vega, line)).encode() + b"\n")


def _answer(vega: ModuleType, line: bytes) -> dict[str, str]:
    started = time.monotonic()
    signal.alarm(LIMIT)
    try:
        request = json.loads(line)
        if request["form"] == "png":
            picture = vega.vegalite_to_png(
                request["spec"], vl_version=VEGA_LITE, scale=request["scale"], allowed_base_urls=[]
            )
        else:
            picture = vega.vegalite_to_svg(request["spec"], vl_version=VEGA_LITE, allowed_base_urls=[]).encode()
    except (ValueError, KeyError, TypeError) as problem:  # vl-convert reports a spec that it cannot draw as ValueError
        return {"error": f"this spec cannot be drawn: {type(problem).__name__}"}
    finally:
        signal.alarm(0)
    log.info("charts.drawn", extra={"ms": round(1000 * (time.monotonic() - started))})
    return {"picture": base64.b64encode(picture).decode()}
