"""`manage.py facts_rebuild`: prove that the facts follow from the messages, or make them follow again."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations import replay
from integrations.management.commands.feed import practice_of
from integrations.models import Feed
from prm import clock
from prm.tenancy import use_practice


class Command(BaseCommand):
    """Rebuild."""

    help = "Read all kept messages again and compare; with --check nothing is kept and differences exit 1."

    def add_arguments(self, parser: CommandParser) -> None:
        """Practice."""
        parser.add_argument("--practice", required=True, metavar="SLUG")
        parser.add_argument("--check", action="store_true")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        """One feed after the other."""
        practice = practice_of(options["practice"])
        differences: dict[str, int] = {}
        with use_practice(practice.pk):
            for feed in Feed.objects.order_by("name"):
                try:
                    found = replay.rebuild(feed, now=clock.now(), check=options["check"])
                except ValueError as error:
                    raise CommandError(f"feed {feed.name}: {error}") from None
                differences[feed.name] = len(found)
        total = sum(differences.values())
        told = json.dumps({"differences": total, "feeds": differences})
        self.stdout.write(told if options["json"] else f"{total} patients differ: {differences}")
        if total and options["check"]:
            raise CommandError("the facts do not follow from the messages")
