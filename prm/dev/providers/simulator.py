"""Both servers with one ledger, for `python -m prm.dev.providers` and as a fixture of tests."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from prm.dev.providers.callbacks import Callbacks
from prm.dev.providers.faults import Faults
from prm.dev.providers.ledger import Ledger
from prm.dev.providers.sendgrid import SendGridServer
from prm.dev.providers.smtp import SmtpServer


@dataclass(frozen=True)
class Simulator:
    """What a test or a terminal holds in its hand."""

    ledger: Ledger
    faults: Faults
    callbacks: Callbacks
    sendgrid: SendGridServer
    smtp: SmtpServer


@contextmanager
def running(
    *, site: str = "", http_port: int = 0, smtp_port: int = 0, keys: set[str] | None = None,
    verified: set[str] | None = None,
) -> Iterator[Simulator]:  # fmt: skip
    """Start both on loopback, stop them at the end. `site`: where signed callbacks go; empty for none."""
    ledger, faults = Ledger(), Faults()
    callbacks = Callbacks(faults, site)
    http = SendGridServer(ledger, faults, callbacks, port=http_port, keys=keys, verified=verified)
    smtp = SmtpServer(ledger, faults, port=smtp_port)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield Simulator(ledger, faults, callbacks, http, smtp)
    finally:
        http.shutdown()
        http.server_close()
        smtp.stop()
        callbacks.stop()
