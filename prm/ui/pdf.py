"""HTML to PDF with WeasyPrint: tagged (PDF/UA-1), our fonts, nothing fetched but `data:` and our own assets.

WeasyPrint needs the system's Pango, which no wheel carries: `missing` says how to get it before anyone asks for a PDF.
"""

from __future__ import annotations

import ctypes
import importlib
import sys
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings

from prm.ui import fonts

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


class ForbiddenAsset(ValueError):
    """A document named something that is neither `data:` nor one of our assets."""


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
    """The document as PDF/UA-1 on the paper that its style sheet names. PangoMissing where the machine has no Pango."""
    if command := missing():
        raise PangoMissing(command)
    weasyprint = importlib.import_module("weasyprint")  # half a second and 30 MB: only where a PDF is made
    document = weasyprint.HTML(string=html, base_url="asset:", url_fetcher=_fetcher())
    return document.write_pdf(pdf_variant="pdf/ua-1", pdf_tags=True)


def _assets() -> dict[str, tuple[Path, str]]:
    found = {"print.css": (settings.BASE_DIR / "static" / "print.css", "text/css")}
    for face in fonts.FACES:
        if source := face.source():
            found[f"{face.name}.ttf"] = (source, "font/ttf")
    return found


def _fetcher() -> Any:
    urls = importlib.import_module("weasyprint.urls")

    class OurAssets(urls.URLFetcher):  # type: ignore[name-defined]
        """`data:` as WeasyPrint reads it, `asset:NAME` from our own list, nothing else."""

        def fetch(self, url: str, headers: dict[str, str] | None = None) -> Any:
            """ForbiddenAsset for any other address: no network, no file that a page names."""
            scheme, _sep, name = url.partition(":")
            if scheme == "data":
                return super().fetch(url, headers)
            if scheme != "asset" or name.lstrip("/") not in _assets():
                raise ForbiddenAsset(scheme)
            path, kind = _assets()[name.lstrip("/")]
            return urls.URLFetcherResponse(url, path.read_bytes(), {"Content-Type": kind})

    return OurAssets()
