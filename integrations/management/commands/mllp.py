"""`manage.py mllp`: the listener for HL7 v2 over MLLP."""

import asyncio
import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from prometheus_client import start_http_server

from integrations.hl7v2.listener import Listener, Setup


class Command(BaseCommand):
    """The listener."""

    help = "Listen for HL7 v2 over MLLP: on each feed's own port, and with TLS on PRM_MLLP_TLS_PORT. Ends on SIGTERM."

    def handle(self, *args: Any, **options: Any) -> None:
        """Listen until SIGTERM or SIGINT; what is being stored then is still stored and answered."""
        if settings.MLLP_METRICS_PORT:
            start_http_server(settings.MLLP_METRICS_PORT, addr=settings.MLLP_HOST)
        asyncio.run(_listen())


async def _listen() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    setup = Setup(settings.MLLP_HOST, settings.MLLP_TLS_PORT, settings.MLLP_TLS_CERTIFICATE, settings.MLLP_TLS_KEY)
    await Listener(setup).run(stop)
