"""One form for what the tests of security.md section 6 measured: `NAME value bar PASS|FAIL`, listed at the run's end.

A test whose name begins with an id (`test_i3_…`) is counted under it, so that each id has a line of its own; what a
test measures besides it hands to `report`. A plug-in, registered by tests/conftest.py; the workers hand their lines to
the process that prints.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

import pytest

LINES = pytest.StashKey[list[str]]()
Report = Callable[[str, object, object, bool], None]
BY_ID = re.compile(r"tests/security/.*::test_([a-z]\d+)_")

_outcomes: defaultdict[str, Counter[str]] = defaultdict(Counter)  # of the tests of each id, in the process that prints


def add(config: pytest.Config, name: str, value: object, bar: object, held: bool) -> None:
    """Keep one line for the end of the run."""
    config.stash.setdefault(LINES, []).append(f"{name} {value} {bar} {'PASS' if held else 'FAIL'}")


def not_run(config: pytest.Config, name: str, bar: object, how_to: str) -> None:
    """Say at the end of the run that nothing was proved, and what to install: a skip is no pass."""
    add(config, name, "not-run", bar, False)
    config.stash[LINES][-1] += f" ({how_to})"


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Report:
    """Keep `NAME value bar PASS|FAIL` for the end of the run, and fail where it is a FAIL."""

    def say(name: str, value: object, bar: object, held: bool) -> None:
        add(request.config, name, value, bar, held)
        assert held, f"{name}: {value}, bar {bar}"

    return say


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count how a test named by an id ended; a skip proves nothing."""
    named = BY_ID.search(report.nodeid)
    if named and (report.when == "call" or report.outcome != "passed"):
        _outcomes[named[1].upper()][report.outcome] += 1


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker hands its lines over."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["figures"] = session.config.stash.get(LINES, [])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Take a worker's lines."""
    node.config.stash.setdefault(LINES, []).extend(getattr(node, "workeroutput", {}).get("figures", []))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Each line once, by name; a FAIL in red."""
    lines = list(dict.fromkeys(terminalreporter.config.stash.get(LINES, [])))
    for name, ended in sorted(_outcomes.items()):
        held = set(ended) == {"passed"}
        lines.append(f"{name} {ended['passed']}/{ended.total()} all {'PASS' if held else 'FAIL'}")
    lines.sort()
    if lines:
        terminalreporter.section("security.md section 6")
    for line in lines:
        failed = " FAIL" in line
        terminalreporter.write_line(line, red=failed, bold=failed)
