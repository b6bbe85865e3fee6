"""The web fonts are built from their packages, small, and left empty where a package is missing."""

from pathlib import Path

import pytest
from fontTools.ttLib import TTFont

from prm.ui import fonts


def test_both_families_are_subset_to_woff2(tmp_path: Path) -> None:
    sizes = fonts.build(tmp_path)

    assert sizes.keys() == {"figtree", "newsreader"}
    assert sizes["figtree"] < 22_000
    assert sizes["newsreader"] < 28_000
    for name in sizes:
        font = TTFont(tmp_path / f"{name}.woff2")
        assert {ord(letter) for letter in "AñÁéőž“”…−€"} <= font.getBestCmap().keys()


def test_second_build_leaves_the_files_alone(tmp_path: Path) -> None:
    for face in fonts.FACES:
        (tmp_path / f"{face.name}.woff2").write_bytes(b"there")

    assert fonts.build(tmp_path) == {"figtree": 5, "newsreader": 5}


def test_missing_package_leaves_an_empty_file_for_the_system_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fonts, "FACES", (fonts.Face("fontpkg_not_installed", "Nothing", "figtree"),))

    assert fonts.build(tmp_path) == {"figtree": 0}
