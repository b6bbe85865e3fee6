"""The two web fonts: subset to Latin and Latin Extended-A from their PyPI packages (ui.md section 2).

`manage.py build_fonts` writes `static/fonts/*.woff2`, which git ignores. Without a package the file is written empty:
the browser then keeps the stack's next face, and the static files' manifest still finds what the stylesheet names.
"""

import importlib.util
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from django.conf import settings

RANGE = (
    "U+0020-007E,U+00A0-017F,U+2013-2014,U+2018-201A,U+201C-201E,U+2022,U+2026,U+2030,U+2039-203A,U+20AC,U+2122,"
    "U+2190-2193,U+2212"
)
FEATURES = ["kern", "liga", "tnum", "lnum", "mark", "ccmp", "locl"]


@dataclass(frozen=True)
class Face:
    """One family: where its package is, what its file begins with, which axes are pinned, and our name for it."""

    package: str
    family: str
    name: str
    pins: dict[str, int] = field(default_factory=dict)

    def source(self) -> Path | None:
        """The variable TTF (upright) in the installed package, or None where the package is missing."""
        spec = importlib.util.find_spec(self.package)
        if spec is None or not spec.submodule_search_locations:
            return None
        folder = Path(spec.submodule_search_locations[0]) / "files"
        return next((path for path in sorted(folder.iterdir()) if path.name.startswith(f"{self.family}[")), None)


FACES = (
    Face("fontpkg_figtree", "Figtree", "figtree"),
    Face("fontpkg_newsreader", "Newsreader", "newsreader", {"opsz": 20, "wght": 420}),
)


def folder() -> Path:
    """Where the built fonts lie: `static/fonts` in the checkout."""
    return settings.BASE_DIR / "static" / "fonts"


def build(into: Path, *, force: bool = False) -> dict[str, int]:
    """Write the fonts that are not there yet (all with `force`); the sizes in bytes by name, 0 without a package."""
    into.mkdir(parents=True, exist_ok=True)
    sizes = {}
    for face in FACES:
        target = into / f"{face.name}.woff2"
        if force or not target.exists() or not target.stat().st_size:
            _write(face, target)
        sizes[face.name] = target.stat().st_size
    return sizes


@cache
def built() -> bool:
    """Whether every font file is there and not empty; asked once per process."""
    files = [folder() / f"{face.name}.woff2" for face in FACES]
    return all(path.exists() and path.stat().st_size for path in files)


def _write(face: Face, target: Path) -> None:
    from fontTools import subset  # noqa: PLC0415  (no web worker needs it: tests/prm/test_footprint.py)
    from fontTools.ttLib import TTFont  # noqa: PLC0415  (the same)
    from fontTools.varLib import instancer  # noqa: PLC0415  (the same)

    source = face.source()
    if source is None:
        target.write_bytes(b"")
        return
    font = TTFont(source)
    if face.pins:
        font = instancer.instantiateVariableFont(font, face.pins)
    options = subset.Options(flavor="woff2", layout_features=FEATURES)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=subset.parse_unicodes(RANGE))
    subsetter.subset(font)
    partial = target.with_suffix(".partial")
    subset.save_font(font, str(partial), options)
    partial.replace(target)  # whole or not at all: a killed build leaves no half font
