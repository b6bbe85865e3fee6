"""One way into a session (daily.md section 12): nothing but `accounts.signin.finish` calls Django's `login`."""

import ast
from pathlib import Path

from django.conf import settings

OURS = ["accounts", "patients", "messaging", "integrations", "campaigns", "nps", "portal", "dashboard", "prm"]


def calls_of_login(path: Path) -> list[str]:
    """Functions that call `auth.login` or `auth.alogin`; django_otp.login only binds a factor to a session."""
    found = []
    for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for call in ast.walk(function):
            called = ast.unparse(call.func) if isinstance(call, ast.Call) else ""
            if called in {"auth.login", "auth.alogin", "django.contrib.auth.login", "django.contrib.auth.alogin"}:
                found.append(f"{path.relative_to(settings.BASE_DIR)}:{function.name}")
    return sorted(found)


def ours() -> list[Path]:
    """Every module of the product."""
    return [path for app in OURS for path in (settings.BASE_DIR / app).rglob("*.py")]


def test_only_finish_signs_somebody_in():
    assert {call for path in ours() for call in calls_of_login(path)} == {"accounts/signin.py:finish"}


def test_nothing_takes_login_under_another_name():
    renamed = []
    for path in ours():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            taken = node.names if isinstance(node, ast.ImportFrom) else []
            if taken and node.module == "django.contrib.auth":
                renamed += [str(path) for one in taken if one.name in {"login", "alogin"}]
            if taken and node.module == "django.contrib":
                renamed += [str(path) for one in taken if one.name == "auth" and one.asname]
    assert renamed == []
