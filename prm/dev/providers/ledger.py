"""What the simulated providers accepted, with our ids."""

import threading
import time
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Accepted:
    """One message that a provider took. `id`: our outbox id; `answered`: whether the client was told."""

    via: str
    id: str
    practice: str
    to: str
    subject: str
    call: int
    answered: bool
    at: float


class Ledger:
    """An append-only list that many threads write."""

    def __init__(self) -> None:
        self._rows: list[Accepted] = []
        self._lock = threading.Lock()
        self.calls = 0

    def next_call(self) -> int:
        """The number of a new call."""
        with self._lock:
            self.calls += 1
            return self.calls

    def accept(self, rows: list[dict[str, Any]], *, via: str, call: int, answered: bool) -> None:
        """Note the messages of one call, all or none."""
        with self._lock:
            self._rows += [Accepted(via=via, call=call, answered=answered, at=time.time(), **row) for row in rows]

    def rows(self) -> list[Accepted]:
        """All so far, in order."""
        with self._lock:
            return list(self._rows)

    def as_json(self) -> list[dict[str, Any]]:
        """All so far, for `GET /_sim/ledger`."""
        return [asdict(row) for row in self.rows()]

    def clear(self) -> None:
        """Forget."""
        with self._lock:
            self._rows.clear()
