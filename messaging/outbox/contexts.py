"""What the caller gave for rendering, sealed in the row until the body is kept: it holds links with tokens."""

import json
from collections.abc import Mapping
from typing import Any

from messaging.models import OutboxMessage
from prm import crypto


def read_context(message: OutboxMessage) -> dict[str, Any]:
    """What the caller gave for rendering: `{"fields": {…}}` or `{"body": {…}}`. Empty once the body is kept."""
    sealed = crypto.open_text(message, "context")
    return json.loads(sealed) if sealed else {}


def write_context(message: OutboxMessage, given: Mapping[str, Any]) -> None:
    """Seal it into the unsaved row."""
    crypto.seal_text(message, "context", json.dumps(given))
