"""`manage.py deliver`: send what is due, once or until a signal says stop; for machines without Celery, for drills."""

import signal
import threading
from argparse import ArgumentParser
from functools import partial
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand

from messaging import channels
from messaging.outbox import deliver, outcomes
from messaging.staff_mail import deliver as staff_mail
from prm import clock
from prm.tenancy import platform, use_practice


class Command(BaseCommand):
    """A worker of the outbox. SIGTERM and SIGINT: the call in hand is finished and recorded, nothing new is claimed."""

    help = "Send what is due. With --loop until SIGTERM, which finishes the call in hand."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How long to rest between two looks."""
        parser.add_argument("--loop", type=float, metavar="SECONDS", help="look again every so many seconds")

    def handle(self, *args: Any, **options: Any) -> None:
        """Deliver and sweep; one line at the end."""
        done = threading.Event()

        def stop(number: int, frame: FrameType | None) -> None:
            done.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        total = deliver.Tally()
        while True:
            runs = [partial(deliver.deliver_due, channel) for channel in channels.channels()]
            for run in (*runs, staff_mail.deliver_due):
                found = run(stopping=done.is_set)
                total.sent, total.unknown = total.sent + found.sent, total.unknown + found.unknown
                total.again, total.never = total.again + found.again, total.never + found.never
            now = clock.now()
            for practice_id in platform.practices_with_dead_leases(now):
                with use_practice(practice_id):
                    outcomes.sweep(now=now)
            staff_mail.sweep(now=now)
            if options["loop"] is None or done.wait(options["loop"]):
                break
        self.stdout.write(f"sent {total.sent}, again {total.again}, refused {total.never}, unknown {total.unknown}")
