"""`manage.py ingest`: take in files through a feed and tell what became of each message."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import Practice
from integrations import play, rebase, receive
from integrations.apply import context_of
from integrations.csvfile.files import File
from integrations.csvfile.intake import ingest_file
from integrations.hl7v2.message import Piece
from integrations.kinds import KINDS
from integrations.management.commands.feed import practice_of
from integrations.models import Feed
from integrations.receive import Outcome
from prm import clock
from prm.tenancy import use_practice


def feed_of(name: str) -> Feed:
    """The open practice's feed of that name. CommandError (exit 2) names those there are."""
    feed = Feed.objects.filter(name=name).first()
    if feed is None:
        names = ", ".join(Feed.objects.order_by("name").values_list("name", flat=True)) or "none yet"
        raise CommandError(f"--feed {name}: no such feed; there are: {names}", returncode=2)
    return feed


def files_of(paths: list[str]) -> Iterator[Path]:
    """The files named, and those below the folders named, in the order of their names."""
    for text in paths:
        path = Path(text)
        if path.is_dir():
            yield from sorted(one for one in path.rglob("*") if one.is_file() and not one.name.startswith("."))
        elif path.is_file():
            yield path
        else:
            raise CommandError(f"{text}: no such file or folder", returncode=2)


class Command(BaseCommand):
    """Ingestion of files."""

    help = "Take in HL7 v2 or FHIR files through a feed; one outcome a message."

    def add_arguments(self, parser: CommandParser) -> None:
        """Paths, practice, feed."""
        parser.add_argument("paths", nargs="+", metavar="PATH")
        parser.add_argument("--practice", required=True, metavar="SLUG")
        parser.add_argument("--feed", required=True, metavar="NAME")
        parser.add_argument("--dry-run", action="store_true", help="read and judge, store nothing")
        parser.add_argument("--rebase", metavar="AGO", help="move all times so that a file's newest is AGO (2d, 36h)")
        parser.add_argument("--json", action="store_true", help="one JSON object a line on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        """Read every file, then apply, then print the outcomes in the order of the messages."""
        practice = practice_of(options["practice"])
        now = clock.now()
        with use_practice(practice.pk):
            feed = feed_of(options["feed"])
        if feed.kind == Feed.Kind.CSV:
            self._print(self._rows(practice, feed, options, now), as_json=options["json"])
            return
        messages: list[tuple[str, Piece]] = []
        for path in files_of(options["paths"]):
            messages += self._messages(feed, path, options["rebase"])
        if options["dry_run"]:
            with use_practice(practice.pk):
                outcomes = _judge(feed, messages)
        else:
            outcomes = play.ingest(practice, feed, messages, now=now)
        self._print(outcomes, as_json=options["json"])

    def _rows(self, practice: Practice, feed: Feed, options: dict[str, Any], now: datetime) -> Iterator[Outcome]:
        """Files of rows, one after another: a million rows are never in memory at once."""
        for path in files_of(options["paths"]):
            file = File(str(path), partial(path.open, "rb"))
            extract = min(now, datetime.fromtimestamp(path.stat().st_mtime_ns // 1000 / 10**6, UTC))
            yield from ingest_file(practice, feed, file, now=now, extract=extract, dry_run=options["dry_run"])

    def _messages(self, feed: Feed, path: Path, ago: str | None) -> list[tuple[str, Piece]]:
        found = receive.pieces(feed, path.read_bytes(), str(path))
        if not ago:
            return found
        if not settings.DEVELOPMENT:
            raise CommandError("--rebase works in development only (PRM_DEVELOPMENT=1)", returncode=2)
        try:
            moved, shift, count = rebase.rebase(
                feed.kind, [piece for _ref, piece in found], now=clock.now(), ago=rebase.parse_ago(ago)
            )
        except ValueError as error:
            raise CommandError(f"--rebase {error}", returncode=2) from None
        self.stderr.write(f"{path}: {count} times moved by {shift.days} days")
        return [(ref, piece) for (ref, _old), piece in zip(found, moved, strict=True)]

    def _print(self, outcomes: Iterable[Outcome], *, as_json: bool) -> None:
        counts: Counter[str] = Counter()
        for outcome in outcomes:
            counts[outcome.outcome] += 1
            if as_json:
                self.stdout.write(json.dumps(outcome.json()))
            elif outcome.outcome not in {"applied", "duplicate"}:
                self.stdout.write(f"{outcome.ref}: {outcome.outcome} {outcome.code} {outcome.reason}")
        if not as_json:
            told = ", ".join(f"{number} {name}" for name, number in sorted(counts.items()))
            self.stdout.write(f"{counts.total()} messages: {told or 'none'}")


def _judge(feed: Feed, messages: list[tuple[str, Piece]]) -> list[Outcome]:
    """What the parser makes of each message; nothing is stored."""
    context, parse = context_of(feed, received_at=clock.now()), KINDS[feed.kind].parse
    outcomes = []
    for ref, piece in messages:
        if piece.refusal is not None:
            outcomes.append(Outcome(ref, piece.refusal.outcome, piece.refusal.code, piece.refusal.reason))
            continue
        parsed = parse(piece.data, context)
        state = "applied" if parsed.outcome == "apply" else parsed.outcome
        entities = dict(Counter(entity for entity, _key in {(f.entity, f.key) for f in parsed.facts}))
        outcomes.append(Outcome(ref, state, parsed.code, parsed.reason, entities, parsed.flags))
    return outcomes
