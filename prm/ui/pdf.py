"""HTML to PDF with WeasyPrint: tagged (PDF/UA-1), our fonts, nothing fetched but `data:` and our own assets.

It happens in a child process (`pdf_child.py`) with a limit of time and memory, so that no document holds a worker.

WeasyPrint needs the system's Pango, which no wheel carries: `missing` says how to get it before anyone asks for a PDF.
"""

from __future__ import annotations

import ctypes
import json
import logging
import subprocess
import sys
from functools import cache
from pathlib import Path

from django.conf import settings

from prm.ui import fonts
from prm.ui.problems import TookTooLong

log = logging.getLogger(__name__)

LIMIT = 20  # seconds that a document may take; the largest report takes two
LIMIT_BYTES = 2 * 2**30  # of address space

LIBRARIES = (
    ("libgobject-2.0.so.0", "libgobject-2.0.0.dylib"),
    ("libpango-1.0.so.0", "libpango-1.0.0.dylib"),
    ("libpangoft2-1.0.so.0", "libpangoft2-1.0.0.dylib"),
    ("libharfbuzz-subset.so.0", "libharfbuzz-subset.0.dylib"),
)
HOMEBREW = ("/opt/homebrew/lib", "/usr/local/lib")
INSTALL = {
    "darwin": "brew install pango",
    "linux": "sudo apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0",
}


class PangoMissing(RuntimeError):
    """The machine cannot make PDFs; the text is the command that installs what it lacks."""


@cache
def missing() -> str:
    """The command that installs Pango; empty where this machine has it."""
    if all(any(_loads(name) for name in names) for names in LIBRARIES):
        return ""
    return INSTALL.get(sys.platform, INSTALL["linux"])


def _loads(name: str) -> bool:
    for path in (name, *(f"{folder}/{name}" for folder in HOMEBREW if sys.platform == "darwin")):
        try:
            ctypes.CDLL(path)
        except OSError:
            continue
        return True
    return False


def render(html: str) -> bytes:
    """The document as PDF/UA-1 on the paper that its style sheet names. PangoMissing where the machine has no Pango.

    TookTooLong where it needs more than LIMIT seconds or LIMIT_BYTES of memory: nothing goes on after that.
    """
    if command := missing():
        raise PangoMissing(command)
    told = {"html": html, "assets": assets(), "bytes": LIMIT_BYTES, "seconds": LIMIT}
    child = [sys.executable, "-I", str(Path(__file__).with_name("pdf_child.py"))]
    try:
        done = subprocess.run(  # noqa: S603  (our own module)
            child, input=json.dumps(told).encode(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=LIMIT,
            check=True,
        )  # fmt: skip
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as problem:
        log.warning("pdf.stopped", extra={"status": getattr(problem, "returncode", None)})
        raise TookTooLong from None  # the cause holds the document
    return done.stdout


def assets() -> dict[str, tuple[str, str]]:
    """What a document may name as `asset:NAME`: the file's path and its media type."""
    found = {"print.css": (str(settings.BASE_DIR / "static" / "print.css"), "text/css")}
    for face in fonts.FACES:
        if source := face.source():
            found[f"{face.name}.ttf"] = (str(source), "font/ttf")
    return found
