"""`audit_verify`: is the record of who read and changed what still as it was sealed?"""

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError

from prm import clock
from prm.audit import seal
from prm.tenancy import use_practice


class Command(BaseCommand):
    """Checks the daily chain of one practice or of all; exit status 1 names the practice, the day and what is wrong."""

    help = "Check the audit record against its seals. Exit status 1 where one byte differs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which practice, which days (UTC, both included)."""
        parser.add_argument("--practice", help="slug; without it all practices")
        parser.add_argument("--from", dest="begin", type=_day, help="first day, YYYY-MM-DD")
        parser.add_argument("--to", dest="end", type=_day, help="last day, YYYY-MM-DD")
        parser.add_argument(
            "--known", metavar="HASH", help="a seal's hash that you kept elsewhere (log, print): must be in the chain"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """A line for each finding and each practice."""
        practices = apps.get_model("accounts.Practice").objects.order_by("slug")
        if options["practice"]:
            practices = practices.filter(slug=options["practice"])
            if not practices:
                raise CommandError(f"--practice: there is no practice “{options['practice']}”", returncode=2)
        if options["known"] and len(practices) != 1:
            raise CommandError("--known: say with --practice whose seal it is", returncode=2)
        wrong = 0
        for practice in practices:
            with use_practice(practice.pk):
                done = seal.check(now=clock.now(), begin=options["begin"], end=options["end"])
                if options["known"] and not seal.holds(options["known"]):
                    done.findings.append(seal.Finding(clock.now().date(), "the chain holds no seal of the hash given"))
            for finding in done.findings:
                self.stdout.write(f"{practice.slug} {finding.day}: {finding.what}")
            wrong += bool(done.findings)
            verdict = "FAIL" if done.findings else "ok"
            through = f" through {done.through}" if done.through else ""
            self.stdout.write(f"{practice.slug}: {verdict}, {done.days} days, {done.events} events{through}")
        if wrong:
            raise CommandError(f"the record of {wrong} {'practice' if wrong == 1 else 'practices'} was changed")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise CommandError(f"“{text}” is not a day (expected YYYY-MM-DD)", returncode=2) from None
