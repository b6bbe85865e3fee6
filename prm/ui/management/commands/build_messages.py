"""`manage.py build_messages`: bring the Spanish catalogue up to date and compile it."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from prm.ui import catalogue


class Command(BaseCommand):
    """Add the patients' strings that have no Spanish yet, name them, and compile what there is."""

    help = "Add untranslated patient strings to locale/es/…/django.po and compile it (--check: only name them)."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--check` writes nothing."""
        parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where Spanish is missing")

    def handle(self, *args: Any, **options: Any) -> None:
        """CommandError with the number of strings that lack Spanish."""
        known = catalogue.read()
        missing = catalogue.missing(known)
        if not options["check"]:
            if missing:
                catalogue.add(known, missing)
            catalogue.compile_catalogue(known)
        for message, where in missing.items():
            self.stderr.write(f"{where}: {message if isinstance(message, str) else message[0]!r}")
        if missing:
            raise CommandError(f"{len(missing)} strings that patients read have no Spanish")
