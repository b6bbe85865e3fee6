"""Counts the answers of a file as the report does and prints JSON; keeps nothing."""

import json
from argparse import ArgumentParser, ArgumentTypeError
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.management.base import BaseCommand, CommandError

from nps import calculation


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"“{text}” is not a day such as 2026-11-01") from None


def _days(text: str) -> tuple[date, date]:
    first, sep, beyond = text.partition(":")
    if not sep:
        raise ArgumentTypeError(f"“{text}” is not two days such as 2025-05-01:2025-11-01")
    return _day(first), _day(beyond)


def _zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError):
        raise ArgumentTypeError(f"“{text}” is not a time zone such as America/New_York") from None


class Command(BaseCommand):
    """`nps_calc FILE --tz ZONE --from DAY --to DAY`: the first day counts, the last does not."""

    help = "Count the survey answers of a CSV file as the NPS report does (JSON on standard output, nothing is kept)"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """File, zone, days and what to add."""
        parser.add_argument("file", type=Path, help=f"CSV with the columns {','.join(calculation.COLUMNS)}")
        parser.add_argument("--tz", type=_zone, required=True)
        parser.add_argument("--from", type=_day, required=True, dest="first")
        parser.add_argument("--to", type=_day, required=True, dest="beyond")
        parser.add_argument("--by", choices=calculation.SPLITS, default="")
        parser.add_argument("--compare", type=_days, metavar="FROM:TO")
        parser.add_argument("--flags", action="store_true", help="therapists with more detractors than their peers")
        parser.add_argument("--json", action="store_true", help="accepted; the output is JSON anyway")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the result; a file that cannot be counted is one line on standard error."""
        first, beyond = options["first"], options["beyond"]
        if beyond <= first:
            raise CommandError(f"--to: {beyond} is not after --from, {first}")
        try:
            with options["file"].open(encoding="utf-8-sig", newline="") as lines:
                answers = calculation.read(lines, options["tz"])
        except (OSError, UnicodeDecodeError, calculation.BadFile) as problem:
            raise CommandError(f"{options['file']}: {problem}") from None
        result = calculation.calculate(
            answers, options["tz"], first, beyond,
            by=options["by"], compare=options["compare"], flags=options["flags"],
        )  # fmt: skip
        self.stdout.write(json.dumps(result, indent=2))
