"""`python -m prm.dev.providers [--http 8025] [--smtp 8026] [--site http://127.0.0.1:8000]`: both until SIGTERM."""

import argparse
import signal
import threading

from prm.dev.providers.simulator import running


def main() -> None:
    """Serve until a signal says stop."""
    parser = argparse.ArgumentParser(prog="python -m prm.dev.providers", description=__doc__)
    parser.add_argument("--http", type=int, default=8025, help="port of the SendGrid simulator (0: any)")
    parser.add_argument("--smtp", type=int, default=8026, help="port of the mail server (0: any)")
    parser.add_argument("--site", default="", help="where signed events go; empty: nowhere")
    options = parser.parse_args()
    done = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: done.set())
    with running(site=options.site, http_port=options.http, smtp_port=options.smtp) as simulator:
        print(f"SendGrid  SENDGRID_API_BASE={simulator.sendgrid.url}", flush=True)
        print(f"SMTP      127.0.0.1:{simulator.smtp.port}", flush=True)
        print(f"Webhook key  {simulator.callbacks.public_key}", flush=True)
        done.wait()


if __name__ == "__main__":
    main()
