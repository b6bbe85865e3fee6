"""I4: over the whole suite, no statement touches a tenant table while no practice is set.

A plug-in, registered by tests/conftest.py. Three modules send such statements to show what becomes of them, and are
marked `without_practice`; a mark anywhere else is an error.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections
from django.db.backends.signals import connection_created

from prm.tenancy.context import practice_id_or_none
from tests.security import figures

TOUCHED = re.compile(
    r'\b(?:FROM|JOIN|INTO|UPDATE|TABLE)\s+(?:ONLY\s+)?(?:"?public"?\.)?"?([a-z_0-9]+)"?', re.IGNORECASE
)
ABOUT_IT = {"test_isolation", "test_pooling", "test_tenant_statements"}
NUMBER = pytest.StashKey[int]()

_tenant_tables: set[str] = set()
_found: list[str] = []


def watch(execute: Callable, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """Note a statement on a tenant table outside a practice. Outside a transaction a practice cannot be set."""
    if (practice_id_or_none() is None or not context["connection"].in_atomic_block) and isinstance(sql, str):
        touched = {name.lower() for name in TOUCHED.findall(sql)} & _tenants()
        if touched:
            _found.append(f"{', '.join(sorted(touched))}: {sql[:200]}")
    return execute(sql, params, many, context)


def _tenants() -> set[str]:
    if not _tenant_tables:
        from tests.security.rows import tenant_models  # noqa: PLC0415  (the apps are loaded only now)

        _tenant_tables.update(model._meta.db_table for model in tenant_models())
    return _tenant_tables


def _watch_connection(sender: Any, connection: Any, **kwargs: Any) -> None:
    if connection.alias == "default" and watch not in connection.execute_wrappers:
        connection.execute_wrappers.append(watch)


def start_watching() -> None:
    """From now on, on every connection of the application in this process, those of other threads too."""
    connection_created.connect(_watch_connection, dispatch_uid="tenant_statements")
    _watch_connection(None, connections["default"])


@pytest.fixture(autouse=True)
def no_statement_without_practice(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail the test in which such a statement was sent."""
    _found.clear()
    yield
    sent, about_it = list(_found), request.node.get_closest_marker("without_practice")
    if about_it and request.module.__name__.rpartition(".")[2] not in ABOUT_IT:
        pytest.fail(f"without_practice is for {', '.join(sorted(ABOUT_IT))} alone (I4 holds over the whole suite)")
    if sent and not about_it:
        request.config.stash[NUMBER] = request.config.stash.get(NUMBER, 0) + len(sent)
        pytest.fail("statements on tenant tables with no practice set (I4):\n" + "\n".join(sent))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker hands its number to the one who counts."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["tenant_statements"] = session.config.stash.get(NUMBER, 0)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Count what a worker found."""
    found = getattr(node, "workeroutput", {}).get("tenant_statements", 0)
    node.config.stash[NUMBER] = node.config.stash.get(NUMBER, 0) + found


@pytest.hookimpl(tryfirst=True)
def pytest_terminal_summary(terminalreporter: Any) -> None:
    """One line: name, value, bar, verdict."""
    found = terminalreporter.config.stash.get(NUMBER, 0)
    figures.add(terminalreporter.config, "I4 statements without a practice", found, 0, not found)
