"""Structured logs without PHI: an event name and allow-listed ids, one JSON object a line."""

import json
import logging
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse

from prm import ids
from prm.tenancy.context import practice_id_or_none

ALLOWED = frozenset({
    "alias", "attempt", "batch", "case_id", "channel", "code", "count", "due", "episode_id", "event", "feed_id",
    "file_kind",
    "firing_id", "http_status", "invitation_id", "job", "kind", "link_id", "method", "ms", "outbox_id", "outcome",
    "patient_id", "practice_id", "queue", "raw_id", "reason", "response_id", "role", "route", "rule_id",
    "rule_version", "seal", "state",
    "status", "task", "task_id", "user_id", "version", "work_item_id", "worker",
})  # fmt: skip

request_id: ContextVar[str] = ContextVar("request_id", default="")


class JsonFormatter(logging.Formatter):
    """One JSON object a line; of `extra` only allow-listed keys, of an exception only type and place."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON text."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage() if not record.args or record.name.startswith("prm") else record.msg,
        }
        if practice := practice_id_or_none():
            line["practice_id"] = str(practice)
        if rid := request_id.get():
            line["request_id"] = rid
        line |= {key: _plain(value) for key, value in record.__dict__.items() if key in ALLOWED}
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
            line["where"] = _places(record.exc_info[2])
        return json.dumps(line, default=str)


def _plain(value: object) -> object:
    return value if isinstance(value, int | float | bool | type(None)) else str(value)


def _places(trace: Any) -> list[str]:
    """File and line of each frame, without the values: an exception's text may quote a patient."""
    places = []
    while trace is not None:
        places.append(f"{trace.tb_frame.f_code.co_filename.rsplit('/', 2)[-1]}:{trace.tb_lineno}")
        trace = trace.tb_next
    return places[-8:]


class RequestIdMiddleware:
    """Gives each request an id that its log lines, its answer (`X-Request-Id`) and the 500 page carry."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Set the id, pass on, return it in a header."""
        token = request_id.set(ids.public_id())
        try:
            request.id = request_id.get()  # type: ignore[attr-defined]
            response = self.get_response(request)
            response["X-Request-Id"] = request_id.get()
            return response
        finally:
            request_id.reset(token)
