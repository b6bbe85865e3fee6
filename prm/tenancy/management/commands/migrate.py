"""`migrate` as Django's, on the owner's connection."""

from typing import Any

from django.core.management.commands.migrate import Command as DjangoMigrate


class Command(DjangoMigrate):
    """Runs on the alias `owner`: the application's role owns nothing and may not migrate."""

    def add_arguments(self, parser: Any) -> None:
        """Django's, with another default database."""
        super().add_arguments(parser)
        parser.set_defaults(database="owner")
