"""`manage.py build_fonts`: write the web fonts from their packages."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from prm.ui import fonts


class Command(BaseCommand):
    """Subset the two font families into static/fonts; quick when they are there already."""

    help = "Write static/fonts/*.woff2 from the font packages (skips what is there)."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--force` builds them again."""
        parser.add_argument("--force", action="store_true", help="build again even where the files are there")

    def handle(self, *args: Any, **options: Any) -> None:
        """Build and say what is there."""
        for name, size in fonts.build(fonts.folder(), force=options["force"]).items():
            said = f"{size / 1000:.1f} KB" if size else "package not installed: pages use the system's font"
            self.stdout.write(f"{name}: {said}")
