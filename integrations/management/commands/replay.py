"""`manage.py replay`: read messages of a feed again."""

import json
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from integrations import replay
from integrations.apply import BATCH
from integrations.management.commands.feed import moment_of, practice_of
from integrations.management.commands.ingest import feed_of
from integrations.models import RawMessage
from prm import clock
from prm.tenancy import use_practice


class Command(BaseCommand):
    """Replay."""

    help = "Read messages again, dead letters unless said otherwise; facts known already change nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        """Practice, feed, which messages."""
        parser.add_argument("--practice", required=True, metavar="SLUG")
        parser.add_argument("--feed", required=True, metavar="NAME")
        parser.add_argument("--state", default="dead", choices=RawMessage.State.values)
        parser.add_argument("--since", default="", metavar="TIME", help="received since then")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        """Replay in batches and print how many ended in which state."""
        practice = practice_of(options["practice"])
        with use_practice(practice.pk):
            feed = feed_of(options["feed"])
            chosen = RawMessage.objects.filter(feed=feed, state=options["state"])
            if options["since"]:
                chosen = chosen.filter(received_at__gte=moment_of(options["since"], practice))
            ids = list(chosen.order_by("pk").values_list("pk", flat=True))
        counts: Counter[str] = Counter()
        for start in range(0, len(ids), BATCH):
            with use_practice(practice.pk):
                chunk = list(RawMessage.objects.filter(pk__in=ids[start : start + BATCH]).order_by("pk"))
                counts.update(str(one.state) for one in replay.replay(feed, chunk, now=clock.now()))
        told = {"replayed": len(ids), "states": dict(counts)}
        self.stdout.write(json.dumps(told) if options["json"] else f"Replayed {len(ids)}: {dict(counts)}")
