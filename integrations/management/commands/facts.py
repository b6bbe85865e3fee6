"""`manage.py facts`: what is known of one patient."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations import snapshot
from integrations.management.commands.feed import practice_of
from integrations.management.commands.ingest import feed_of
from prm.tenancy import use_practice


class Command(BaseCommand):
    """The facts of a patient."""

    help = "Print patient, ids, episodes and visits as JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        """Practice and patient."""
        parser.add_argument("--practice", required=True, metavar="SLUG")
        parser.add_argument("--patient", required=True, metavar="FEED:ID", help="the feed's name and the patient's id")
        parser.add_argument("--json", action="store_true", help="compact, on one line")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the facts; an unknown patient exits 1."""
        practice = practice_of(options["practice"])
        name, _colon, external_id = options["patient"].partition(":")
        with use_practice(practice.pk):
            feed = feed_of(name)
            patient = snapshot.find(feed, external_id)
            if patient is None:
                raise CommandError(f"--patient {options['patient']}: this feed knows no patient by that id")
            told = snapshot.of_patients([patient])[patient.pk]
        self.stdout.write(json.dumps(told, indent=None if options["json"] else 2, ensure_ascii=False))
