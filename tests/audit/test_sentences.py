"""Every action that the code records has words."""

import ast
from pathlib import Path

from django.conf import settings

from prm.audit import sentences

OURS = ("prm", "accounts", "patients", "messaging", "integrations", "campaigns", "nps", "hep", "portal", "dashboard")
RECORDERS = {"record", "record_each", "record_for", "_record", "_recorded"}


def actions() -> set[str]:
    """The first argument of each call of a recorder, where it looks like an action; `f"rule.{x}"` as `rule.*`."""
    found = set()
    for top in OURS:
        for path in Path(settings.BASE_DIR, top).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and _name(node.func) in RECORDERS:
                    for argument in node.args:
                        found |= _texts(argument)
    return {text for text in found if "." in text and " " not in text}


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _texts(node: ast.expr) -> set[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return {node.value}
    if isinstance(node, ast.IfExp):
        return _texts(node.body) | _texts(node.orelse)
    if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
        return {f"{node.values[0].value}*"}
    return set()


def test_every_recorded_action_has_words():
    recorded = actions()
    assert {"patient.read", "signin.done", "audit.exported"} <= recorded
    wordless = {
        action
        for action in recorded
        if action not in sentences.ACTS
        and not (action.endswith("*") and any(known.startswith(action[:-1]) for known in sentences.ACTS))
    }
    assert wordless == set(), "say in prm/audit/sentences.py what it means"


def test_an_unknown_action_reads_as_its_code_and_groups_are_whole():
    assert sentences.act("moon.landed").words == "did “moon.landed”"
    assert {act.group for act in sentences.ACTS.values()} == set(sentences.GROUPS)
