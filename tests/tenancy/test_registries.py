"""docs/reference/registries.md lists every registry there is."""

import ast
from pathlib import Path

from django.conf import settings

PAGE = settings.BASE_DIR / "docs/reference/registries.md"
APPS = ("prm", "accounts", "patients", "messaging", "integrations", "campaigns", "nps", "portal", "dashboard")

ADDING = {"append", "add", "update", "extend", "setdefault"}


def registries() -> set[str]:
    """Dotted names of public functions that write to a container kept at module level, as registries do."""
    found = set()
    for path in (path for app in APPS for path in sorted((settings.BASE_DIR / app).rglob("*.py"))):
        tree = ast.parse(path.read_text())
        kept = {
            target.id
            for node in tree.body
            if isinstance(node, ast.AnnAssign | ast.Assign) and isinstance(node.value, ast.Dict | ast.List)
            for target in ([node.target] if isinstance(node, ast.AnnAssign) else node.targets)
            if isinstance(target, ast.Name)
        }
        found |= {
            f"{_module(path)}.{node.name}"
            for node in tree.body
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and _writes(node, kept)
        }
    return found


def _writes(function: ast.FunctionDef, kept: set[str]) -> bool:
    """True where the function stores under a key, assigns a slice of, or appends to one of `kept`."""
    for node in ast.walk(function):
        owner = None
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            owner = node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ADDING:
            owner = node.func.value
        if isinstance(owner, ast.Name) and owner.id in kept:
            return True
    return False


def _module(path: Path) -> str:
    parts = path.relative_to(settings.BASE_DIR).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_every_registry_is_on_the_page_and_every_line_exists():
    listed = {
        line.split("`")[1] for line in PAGE.read_text().partition("## What")[0].splitlines() if line.startswith("| `")
    }
    assert listed == registries()
