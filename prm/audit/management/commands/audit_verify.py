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
    """Checks the daily chain of one practice or of all; exit status 1 names the practice, the day and what is wrong.

    Exit status 2: the arguments say nothing that can be checked. "ok" stands only where a day was checked.
    """

    help = (
        "Check the audit record against its seals. Exit status 1 where one byte differs, 2 where the question is wrong."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which practice, which days (UTC, both included)."""
        parser.add_argument("--practice", help="slug; without it all practices")
        parser.add_argument("--from", dest="begin", help="first day, YYYY-MM-DD")
        parser.add_argument("--to", dest="end", help="last day, YYYY-MM-DD")
        parser.add_argument(
            "--known", metavar="HASH", help="a seal's hash that you kept elsewhere (log, print): must be in the chain"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """A line for each finding and each practice."""
        if empty := [name for name in ("practice", "known") if options[name] == ""]:
            raise CommandError(f"--{empty[0]}: nothing is given, perhaps by a variable that is not set", returncode=2)
        begin, end = _day("--from", options["begin"]), _day("--to", options["end"])
        if begin and end and end < begin:
            raise CommandError(f"--to {end} is before --from {begin}", returncode=2)
        practices = apps.get_model("accounts.Practice").objects.order_by("slug")
        if options["practice"]:
            practices = practices.filter(slug=options["practice"])
            if not practices:
                raise CommandError(f"--practice: there is no practice “{options['practice']}”", returncode=2)
        if options["known"] and len(practices) != 1:
            raise CommandError("--known: say with --practice whose seal it is", returncode=2)
        wrong = days = 0
        for practice in practices:
            with use_practice(practice.pk):
                done = seal.check(now=clock.now(), begin=begin, end=end)
                if options["known"] and not seal.holds(options["known"]):
                    done.findings.append(seal.Finding(clock.now().date(), "the chain holds no seal of the hash given"))
            for finding in done.findings:
                self.stdout.write(f"{practice.slug} {finding.day}: {finding.what}")
            wrong, days = wrong + bool(done.findings), days + done.days
            verdict = "FAIL" if done.findings else "ok" if done.days else "nothing is sealed"
            through = f" through {done.through}" if done.through else ""
            self.stdout.write(f"{practice.slug}: {verdict}, {done.days} days, {done.events} events{through}")
        if wrong:
            raise CommandError(f"the record of {wrong} {'practice' if wrong == 1 else 'practices'} was changed")
        if (begin or end) and not days:
            raise CommandError("nothing was checked: no day of these is sealed", returncode=2)


def _day(name: str, text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise CommandError(f"{name}: “{text}” is not a day (expected YYYY-MM-DD)", returncode=2) from None
