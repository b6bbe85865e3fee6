"""A log line carries the event and allow-listed ids; never a value, a token or an exception's text."""

import json
import logging
import sys

from prm import logs


def line(message: str = "outbox.sent", **extra: object) -> dict:
    record = logging.LogRecord("prm.test", logging.INFO, __file__, 1, message, None, None)
    record.__dict__.update(extra)
    return json.loads(logs.JsonFormatter().format(record))


def test_keys_that_are_not_allowed_are_left_out():
    assert {"event", "outbox_id"} <= line(outbox_id="7", email="ruth@example.com").keys()
    assert "ruth@example.com" not in json.dumps(line(outbox_id="7", email="ruth@example.com", body="my knee"))


def test_an_exception_tells_its_type_and_place_but_not_its_words():
    try:
        raise ValueError("Ruth Abara, knee")
    except ValueError:
        record = logging.LogRecord("prm.test", logging.ERROR, __file__, 1, "job.failed", None, sys.exc_info())
    text = logs.JsonFormatter().format(record)
    assert "ValueError" in text
    assert "test_logs.py" in text
    assert "Ruth" not in text


def test_no_address_of_a_request_can_be_logged():
    """Addresses hold tokens and what people search for: a route's name is logged, never the path (security.md P4)."""
    secret = "/signin/recover/s3cr3t?s=9"
    assert "s3cr3t" not in json.dumps(line(path=secret, url=secret, address=secret, referer=secret, route="x"))
