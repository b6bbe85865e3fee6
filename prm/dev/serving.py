"""A server of this checkout on a free port of the loopback, for as long as a tool needs it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from django.core.wsgi import get_wsgi_application


class Server(ThreadingMixIn, WSGIServer):
    """A thread a request, none of which outlives the process."""

    daemon_threads = True


class Quiet(WSGIRequestHandler):
    """Prints no line a request."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def at(address: str = "") -> Iterator[str]:
    """The address to visit: the given one, of a server that runs, or of a server of our own, stopped at the end."""
    if address:
        yield address.rstrip("/")
        return
    server = make_server("127.0.0.1", 0, get_wsgi_application(), server_class=Server, handler_class=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
