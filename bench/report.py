"""What a run prints and stores; `python -m bench.report` shows each bar over the last results."""

import json
from pathlib import Path
from typing import Any

from bench.case import Case, Sizes
from bench.measure import Judged, Measured
from bench.stats import median

RESULTS = Path(__file__).parent / "results"
LAST = 20  # results of a case in the trend


def lines(case: Case, measured: Measured, sizes: Sizes, unit: str, machine: dict[str, Any]) -> list[str]:
    """The table: a line a side, a line a bar."""
    head = (
        f"case {case.name}  {sizes.n:,} {unit}, {len(measured.rounds)} rounds, seed {sizes.seed}, {machine['cpu']}, "
        f"{machine['cores']} cores, PG {machine['postgresql']}"
    )
    shown = [head, f"{'side':<28} {'median/s':>12}  {'min–max':<24} {'vs ours':>8}  omits"]
    sides = {side.name: side for side in case.sides()}
    ours = next(iter(measured.rounds[0])) if measured.rounds else ""
    ours = next((name for name in sides if name.startswith("ours")), ours)
    for name, side in sides.items():
        if name in measured.missing:
            shown.append(f"{name:<28} {'SKIP':>12}  {measured.missing[name]}")
            continue
        rates = [made[name].rate for made in measured.rounds]
        ratio = median([made[name].rate / made[ours].rate for made in measured.rounds])
        spread = f"{min(rates):,.1f}–{max(rates):,.1f}"
        shown.append(f"{name:<28} {median(rates):>12,.1f}  {spread:<24} {ratio:>8.2f}  {side.omits}")
    shown += [bar_line(case.name, judged) for judged in measured.bars]
    return shown


def bar_line(case: str, judged: Judged) -> str:
    """`bar search.prefix ≤ 3   2.1 (1.9–2.4)   PASS`."""
    name = f"bar {case}.{judged.bar.name}"
    if judged.median is None:
        return f"{name:<40} {judged.bar.words:<18} {'':<26} SKIP"
    value = f"{judged.median:.3g} ({judged.least:.3g}–{judged.most:.3g})"
    return f"{name:<40} {judged.bar.words:<18} {value:<26} {'PASS' if judged.passed else 'FAIL'}"


def document(
    case: Case, measured: Measured, sizes: Sizes, unit: str, machine: dict[str, Any], commit: tuple[str, bool]
) -> dict[str, Any]:
    """The stored result, as `bench/schema.json` describes it."""
    return {
        "case": case.name,
        "commit": commit[0],
        "dirty": commit[1],
        "machine": machine,
        "sizes": {"n": sizes.n, "unit": unit, "quick": sizes.quick},
        "seed": sizes.seed,
        "noisy": measured.noisy,
        "rounds": [
            {
                "side": name, "seconds": outcome.seconds, "units": outcome.units, "ok": True,
                "probe": [before.arithmetic, before.commits, after.arithmetic, after.commits],
            }
            for made, (before, after) in zip(measured.rounds, measured.probes, strict=True)
            for name, outcome in made.items()
        ],
        "bars": [
            {
                "name": judged.bar.name, "bar": judged.bar.words, "value": judged.median, "min": judged.least,
                "max": judged.most, "pass": judged.passed,
            }
            for judged in measured.bars
        ],
    }  # fmt: skip


def store(result: dict[str, Any], at: str) -> Path:
    """Write a result to `bench/results/<utc>-<case>.json`."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{at}-{result['case']}.json"
    path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    return path


def trend(folder: Path = RESULTS) -> list[str]:
    """Each bar's value over the last results of its case, oldest first; a quick or noisy result is marked."""
    stored: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(folder.glob("*.json")):
        result = json.loads(path.read_text())
        stored.setdefault(result["case"], []).append(result)
    shown = []
    for case, results in sorted(stored.items()):
        values: dict[str, list[str]] = {}
        for result in results[-LAST:]:
            mark = ("q" if result["sizes"]["quick"] else "") + ("~" if result["noisy"] else "")
            for bar in result["bars"]:
                value = "skip" if bar["value"] is None else f"{bar['value']:.3g}{mark}"
                values.setdefault(f"{case}.{bar['name']} {bar['bar']}", []).append(value)
        shown += [f"{name:<50} {' '.join(found)}" for name, found in values.items()]
    return shown


if __name__ == "__main__":
    print("\n".join(trend()) or "no results yet: make bench")
