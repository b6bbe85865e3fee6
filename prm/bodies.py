"""Bodies that come without a length: read before Django, which would take them for empty."""

from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

LARGEST = 5 * 2**20  # bytes; settings.DATA_UPLOAD_MAX_MEMORY_SIZE, beyond which Django itself answers 413
CHUNK = 2**16

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


def with_length(application: Application) -> Application:
    """The application behind a reader of `Transfer-Encoding: chunked`, which streaming HTTP clients send.

    Django reads as many bytes as Content-Length says, and none where it is missing: a change sent in chunks would be
    answered as done. Here the body is read first, and its length set. Of one that is larger than LARGEST, one byte more
    is read, so that whoever holds a limit against the length refuses it. A server that does not say where a body ends
    (`wsgi.input_terminated`) gets 411.
    """

    def read_first(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if "HTTP_TRANSFER_ENCODING" not in environ:
            return application(environ, start_response)
        if not environ.get("wsgi.input_terminated"):
            start_response("411 Length Required", [("Content-Type", "text/plain"), ("Content-Length", "0")])
            return [b""]
        body = _read(environ["wsgi.input"])
        own = {"CONTENT_LENGTH": str(len(body)), "wsgi.input": BytesIO(body)}
        kept = {name: value for name, value in environ.items() if name != "HTTP_TRANSFER_ENCODING"}
        return application(kept | own, start_response)

    return read_first


def _read(stream: Any) -> bytes:
    """The stream's bytes, LARGEST + 1 at most."""
    body = bytearray()
    while len(body) <= LARGEST and (piece := stream.read(min(CHUNK, LARGEST + 1 - len(body)))):
        body += piece
    return bytes(body)
