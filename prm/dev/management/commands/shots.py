"""`manage.py shots`: pictures of every page into shots/."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from prm.dev import shots


class Command(BaseCommand):
    """Picture all pages of a practice of this checkout's database, through the running app or a server of its own."""

    help = "Save a picture of every page at both widths, light and dark, into shots/."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which pages, of which practice, from where, into which folder."""
        parser.add_argument("names", nargs="*", help="URL names to picture (all without)")
        parser.add_argument("--address", default="", help="a running app, such as http://127.0.0.1:8000")
        parser.add_argument("--practice", default="", help="the practice's word in its addresses (the first by name)")
        parser.add_argument("--out", default="shots", help="the folder (shots)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Take them; CommandError where nothing can be shown or a page does not answer."""
        folder = Path(options["out"])
        try:
            failed = shots.take(
                folder,
                address=options["address"],
                slug=options["practice"],
                only=frozenset(options["names"]),
                say=self.stderr.write,
            )
        except (shots.NothingToShow, RuntimeError) as problem:
            raise CommandError(str(problem)) from None
        if failed:
            raise CommandError(f"{failed} pages could not be pictured")
        self.stdout.write(f"{len(list(folder.glob('*.png')))} pictures in {folder}/")
