"""`python -m bench.run`, behind `make bench`: all cases, or those that CASE names, each in a database of its own.

Exit status: 0 all bars met, 1 a bar missed, 2 the machine was too noisy, 3 a side's output was wrong, 4 a peer could
not run, 5 the server's settings are not the bench's.
"""

import argparse
import importlib
import os
import pkgutil
import sys
from functools import partial
from typing import Any

from bench import cases, machine, measure, report
from bench.case import Case, Sizes, WrongOutput
from prm import clock
from prm.dev import setup, terminal

MET, MISSED, NOISY, WRONG, NO_PEER, REFUSED = range(6)
SEED, ROUNDS = 20260101, 5


def names() -> list[str]:
    """The cases that there are."""
    return sorted(found.name for found in pkgutil.iter_modules(cases.__path__))


def main() -> int:
    """Run the chosen cases; the exit status is the gravest of theirs."""
    parser = argparse.ArgumentParser(prog="bench", description="Settings: CASE, QUICK=1, ROUNDS, SEED, N.")
    parser.add_argument("--check-only", action="store_true", help="every side must be right; no bar is judged")
    judge = not parser.parse_args().check_only
    chosen = [name for name in os.environ.get("CASE", "").split(",") if name] or names()
    if unknown := set(chosen) - set(names()):
        sys.exit(f"error: no case {', '.join(sorted(unknown))}: there are {', '.join(names())}")
    with terminal.one_line_errors():
        dsn = machine.start()
        setup.run()
    try:
        about = machine.facts(dsn)
    except machine.Refused as problem:
        print(f"refused: {problem}", file=sys.stderr)
        return REFUSED
    return max(one(name, dsn, about, judge=judge) for name in chosen)


def one(name: str, dsn: str, about: dict[str, Any], *, judge: bool) -> int:
    """Measure one case, print and store what it gave; its exit status."""
    case: Case = importlib.import_module(f"bench.cases.{name}").CASE
    quick = os.environ.get("QUICK", "") not in {"", "0"}
    many, unit = case.sizes(quick=quick)
    sizes = Sizes(int(os.environ.get("N") or many), int(os.environ.get("SEED") or SEED), quick)
    machine.fresh_database(dsn)
    case.load(sizes)
    machine.settle(dsn)
    try:
        measured = measure.measure(
            case, rounds=int(os.environ.get("ROUNDS") or ROUNDS), probe=partial(machine.probe, dsn),
            settle=partial(machine.settle, dsn) if case.writes else lambda: None, judge=judge,
        )  # fmt: skip
    except WrongOutput as problem:
        print(f"case {name}: wrong output: {problem}", file=sys.stderr)
        return WRONG
    print("\n".join(report.lines(case, measured, sizes, unit, about)), flush=True)
    if judge:
        at = f"{clock.now():%Y%m%dT%H%M%SZ}"
        result = report.document(case, measured, sizes, unit, about, machine.commit())
        print(f"stored {report.store(result, at).relative_to(machine.BASE)}")
    return status(measured)


def status(measured: measure.Measured) -> int:
    """A figure of a noisy machine says nothing: 2 before 1."""
    if measured.missing:
        return NO_PEER
    if measured.noisy:
        return NOISY
    return MISSED if any(judged.passed is False for judged in measured.bars) else MET


if __name__ == "__main__":
    sys.exit(main())
