"""The one way to stream a practice's bytes: a stored file whose view has read and authorised all it needs."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.db import connections
from django.http import StreamingHttpResponse


class QueryWhileStreaming(RuntimeError):
    """A stream asked the database for something after its practice's transaction had ended."""


def file_response(chunks: Iterable[bytes], *, name: str, media_type: str) -> StreamingHttpResponse:
    """Send `chunks` as a file to be saved under `name` (ASCII). QueryWhileStreaming where they ask the database."""
    response = StreamingHttpResponse(_each(iter(chunks)), content_type=media_type)
    response.reads_no_rows = True  # type: ignore[attr-defined]  # prm.tenancy.requests lets it pass
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _each(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Ask for each chunk with every connection closed to queries, and leave them open between two chunks."""
    while True:
        with _no_queries():
            chunk = next(chunks, None)
        if chunk is None:
            return
        yield chunk


@contextmanager
def _no_queries() -> Iterator[None]:
    """Refuse statements on all connections of this thread."""
    with ExitStack() as stack:
        for connection in connections.all(initialized_only=True):
            stack.enter_context(connection.execute_wrapper(_refuse))
        yield


def _refuse(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
    raise QueryWhileStreaming(sql[:80] if isinstance(sql, str) else "a statement")
