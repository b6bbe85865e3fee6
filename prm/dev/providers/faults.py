"""Faults on demand: which call goes wrong, and how.

A fault is `{"fault": name, "times": n | "rate": 0..1, "match": {"via": "sendgrid" | "smtp" | "callback", "to": text}}`.
Rates are drawn from one seeded generator, so that a drill can be repeated.
"""

import random
import threading
from dataclasses import dataclass, field
from typing import Any

HTTP = {
    "400", "401", "403", "404", "413", "429", "500", "502", "503", "504", "html", "reset", "lost", "truncated",
    "garbage", "slow",
}  # fmt: skip
SMTP = {"421", "450", "451", "550", "drop", "lost", "slow"}
CALLBACK = {"late", "dropped", "doubled", "shuffled", "split", "bad_signature", "stale", "before_answer"}
KNOWN = HTTP | SMTP | CALLBACK


class UnknownFault(ValueError):
    """A fault that the simulator cannot do; the text names it."""


@dataclass
class Fault:
    """One rule. `left`: how often still; None where `rate` decides."""

    name: str
    via: str = ""
    to: str = ""
    left: int | None = None
    rate: float = 0.0
    seconds: float = 0.3


@dataclass
class Faults:
    """The rules in force; the first that matches is taken."""

    rules: list[Fault] = field(default_factory=list)
    dice: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311  (drills must repeat)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def replace(self, wanted: list[dict[str, Any]]) -> None:
        """Replace all rules. UnknownFault."""
        rules = []
        for one in wanted:
            match = one.get("match") or {}
            if one.get("fault") not in KNOWN or not (one.get("times") or one.get("rate")):
                raise UnknownFault(f"{one}: expected one of {', '.join(sorted(KNOWN))} with times or rate")
            if "seed" in one:
                self.dice.seed(one["seed"])
            rules.append(
                Fault(
                    one["fault"], via=match.get("via", ""), to=match.get("to", ""),
                    left=int(one["times"]) if one.get("times") else None, rate=float(one.get("rate") or 0),
                    seconds=float(one.get("seconds") or 0.3),
                )
            )  # fmt: skip
        with self.lock:
            self.rules = rules

    def take(self, via: str, addresses: list[str], *, only: set[str] | None = None) -> Fault | None:
        """The fault for one call to these addresses, if any (of the names in `only`); counts it."""
        with self.lock:
            for rule in self.rules:
                if rule.via not in ("", via) or (rule.to and not any(rule.to in address for address in addresses)):
                    continue
                if only is not None and rule.name not in only:
                    continue
                if rule.left is not None:
                    if rule.left > 0:
                        rule.left -= 1
                        return rule
                elif self.dice.random() < rule.rate:
                    return rule
        return None
