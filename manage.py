#!/usr/bin/env python
"""Django's command line; starts the embedded servers first where the environment names none."""

import os
import sys


def main() -> None:
    """Run one command. Problems with the servers are one line on standard error and exit status 1."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "prm.settings")
    try:
        from django.core.management import execute_from_command_line

        from prm.dev import embedded
        from prm.dev.processes import ServerProblem
    except ImportError as problem:
        sys.exit(f"{problem}. Run `make setup` and use .venv/bin/python manage.py …")
    try:
        embedded.prepare(os.environ)
    except ServerProblem as problem:
        sys.exit(str(problem))
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
