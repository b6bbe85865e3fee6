"""How commands for developers speak: one line for a problem of the machine, never a traceback."""

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ImproperlyConfigured
from django.db.utils import OperationalError

from prm.dev.processes import ServerProblem

ADVICE = {
    errno.ENOSPC: "the disk is full: free some space and try again",
    errno.EACCES: "it belongs to another user: change its owner, or run as that user",
    errno.EROFS: "the file system is read-only: use another checkout, or set PRM_STATE_DIR",
}


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn what this machine can do wrong into one line and exit status 1; bugs keep their traceback."""
    try:
        yield
    except ServerProblem as problem:
        sys.exit(f"error: {problem}")
    except ImproperlyConfigured as problem:
        sys.exit(f"error: settings: {problem}")
    except OperationalError as problem:
        sys.exit(f"error: database: {str(problem).strip().splitlines()[0]}")
    except OSError as problem:
        if problem.errno not in ADVICE:
            raise
        sys.exit(f"error: {problem.filename or ''}: {ADVICE[problem.errno]}")
    except KeyboardInterrupt:
        sys.exit(130)
