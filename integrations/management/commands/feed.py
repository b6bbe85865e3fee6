"""`manage.py feed add`: make a feed from a shell."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.dateparse import parse_date, parse_datetime

from accounts.models import Practice
from integrations import feeds, keys
from prm.tenancy import use_practice


def practice_of(slug: str) -> Practice:
    """The practice of a slug. CommandError (exit 2) for an unknown one."""
    practice = Practice.objects.filter(slug=slug).first()
    if practice is None:
        raise CommandError(f"--practice {slug}: no such practice", returncode=2)
    return practice


def moment_of(text: str, practice: Practice) -> datetime:
    """A moment or a date (its midnight in the practice's zone). CommandError (exit 2) for neither."""
    try:
        at = parse_datetime(text)
        day = parse_date(text) if at is None else None
    except ValueError:
        at = day = None
    if at is None and day is None:
        raise CommandError(f"--live-at {text!r}: expected a moment such as 2026-03-01T09:00:00Z", returncode=2)
    if at is None and day is not None:
        at = datetime(day.year, day.month, day.day, tzinfo=practice.zone)
    if at is not None and at.tzinfo is None:
        at = at.replace(tzinfo=practice.zone)
    assert at is not None  # noqa: S101  (one of the two was read)
    return at.astimezone(UTC)


def _of_file(key: str, value: str) -> str:
    """The text of `@FILE`, or the value itself. CommandError (exit 2) for a file that cannot be read."""
    if not value.startswith("@"):
        return value
    try:
        return Path(value[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise CommandError(f"--set {key}={value}: cannot read that file", returncode=2) from None


class Command(BaseCommand):
    """Feeds."""

    help = "Add a feed to a practice, or bring it to these settings (idempotent)."

    def add_arguments(self, parser: CommandParser) -> None:
        """The subcommand `add` and its arguments."""
        actions = parser.add_subparsers(dest="action", required=True)
        add = actions.add_parser("add", help="add a feed; without credentials or address it takes files only")
        add.add_argument("--practice", required=True, metavar="SLUG")
        add.add_argument("--name", required=True)
        add.add_argument("--kind", required=True, help="hl7v2, fhir or csv")
        add.add_argument("--preset", default="")
        add.add_argument("--zone", default="", help="time zone of times without an offset (the practice's)")
        add.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="KEY=VALUE",
            dest="chosen",
            help="a setting; mllp_certificate=@FILE reads a file",
        )
        add.add_argument("--live-at", default="", metavar="TIME", help="put it live as of then")
        add.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the feed and print it. Wrong arguments exit 2 and name what is allowed."""
        practice = practice_of(options["practice"])
        chosen = {}
        for pair in options["chosen"]:
            key, equals, value = pair.partition("=")
            if not equals:
                raise CommandError(f"--set {pair!r}: expected KEY=VALUE", returncode=2)
            chosen[key] = _of_file(key, value) if key == "mllp_certificate" else value
        live_at = moment_of(options["live_at"], practice) if options["live_at"] else None
        try:
            with use_practice(practice.pk):
                feed, created = feeds.add_feed(
                    practice, name=options["name"], kind=options["kind"], preset=options["preset"], chosen=chosen,
                    live_at=live_at, zone=options["zone"],
                )  # fmt: skip
        except (feeds.BadFeed, keys.BadSetting) as error:
            raise CommandError(str(error), returncode=2) from None
        told = {
            "id": str(feed.pk), "name": feed.name, "kind": feed.kind, "preset": feed.preset, "state": feed.state,
            "time_zone": feed.time_zone, "settings": feed.settings, "created": created,
            "live_at": feed.live_at.isoformat() if feed.live_at else None,
        }  # fmt: skip
        if options["json"]:
            self.stdout.write(json.dumps(told))
        else:
            self.stdout.write(f"{'Added' if created else 'Kept'} feed “{feed.name}” ({feed.kind}, {feed.state}).")
