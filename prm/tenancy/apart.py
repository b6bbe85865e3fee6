"""One practice's fault stays its own in work that visits many."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from celery.exceptions import SoftTimeLimitExceeded
from django.db import InterfaceError, OperationalError

log = logging.getLogger(__name__)

EVERYBODYS = (SoftTimeLimitExceeded, InterfaceError, OperationalError)  # the task's time, the database: no use going on


@contextmanager
def apart(practice_id: UUID) -> Iterator[None]:
    """Log what goes wrong for this practice and go on after the block; the next practices must not wait for it."""
    try:
        yield
    except EVERYBODYS:
        raise
    except Exception:
        log.exception("practice.failed", extra={"practice_id": str(practice_id)})
