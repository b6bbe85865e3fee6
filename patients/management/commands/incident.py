"""`incident report`: whom an incident touched, from the audit record, and by when they must be told."""

import os
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TextIO
from uuid import UUID
from zoneinfo import ZoneInfo

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Practice, User
from patients import incident, rights
from prm import clock
from prm.audit.record import record
from prm.tenancy import use_practice

YEARS = (1996, 2200)  # HIPAA is of 1996


class Command(BaseCommand):
    """Reads the audit record of a practice for the days of an incident; writes the contact list to a file of its own.

    The report on the screen names nobody. The file does: it is written with mode 0600, and never over another one.
    """

    help = "Whose data was read in an incident, and the list of whom to tell."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The practice, the days, and by whom or from where."""
        acts = parser.add_subparsers(dest="act", required=True)
        report = acts.add_parser("report", help="counts, the last day to tell the patients, and their contact list")
        report.add_argument("--practice", required=True, help="slug")
        report.add_argument("--from", dest="begin", required=True, help="first day, or moment, in the practice's zone")
        report.add_argument("--to", dest="end", required=True, help="last day (included), or moment (not included)")
        one = report.add_mutually_exclusive_group()
        one.add_argument("--actor", help="the e-mail address or the id of the person who read it")
        one.add_argument("--key", help="the id of the API key that read it")
        report.add_argument("--ip", help="the address from which it was read")
        report.add_argument("--discovered", help="day on which it was discovered, YYYY-MM-DD; else today")
        report.add_argument("--output", type=Path, help="where to write the contact list (CSV); else it is not written")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the report, write the list, put the making of it into the record."""
        practice = Practice.objects.filter(slug=options["practice"]).first()
        if practice is None:
            raise _wrong(f"--practice: there is no practice “{options['practice']}”")
        scope = incident.Scope(
            begin=_moment("--from", options["begin"], practice.zone, last=False),
            end=_moment("--to", options["end"], practice.zone, last=True),
            actor=_actor(options["actor"]), key=_id("--key", options["key"]), address=_address(options["ip"]),
        )  # fmt: skip
        if scope.end <= scope.begin:
            raise _wrong("--to is not after --from")
        discovered = _day("--discovered", options["discovered"]) or clock.now().astimezone(practice.zone).date()
        with _new_file(options["output"]) as file, use_practice(practice.pk):
            found = incident.report(scope)
            text = incident.contacts(found) if file else ""
            record("incident.reported", now=clock.now(), patients=found.patients, with_contacts=bool(text))
            if file:
                file.write(text)
                file.flush()  # before the record of it is kept: a full disk is told here
                rights.record_export(
                    recipient="The operator of the platform", what="Contact list after an incident (CSV)",
                    purpose="To tell patients of a breach (45 CFR 164.404)", by=None, now=clock.now(),
                    patients=found.patients,
                )  # fmt: skip
        for line in found.lines(discovered=discovered):
            self.stdout.write(line)
        if options["output"]:
            self.stdout.write(f"Contact list: {options['output']}. It holds names and addresses: send it by no mail.")


@contextmanager
def _new_file(path: Path | None) -> Iterator[TextIO | None]:
    """A file that was not there, mode 0600; gone again where the report fails, so that record and file agree."""
    if path is None:
        yield None
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as problem:
        raise _wrong(f"--output: {path}: {problem.strerror}") from None
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            yield file
    except BaseException as problem:
        path.unlink(missing_ok=True)
        if isinstance(problem, OSError):
            raise CommandError(f"--output: {path}: {problem.strerror}") from None
        raise


def _wrong(text: str) -> CommandError:
    """What is wrong with the arguments: exit status 2, as of every other command."""
    return CommandError(text, returncode=2)


def _in_calendar(name: str, day: date) -> date:
    if not YEARS[0] <= day.year <= YEARS[1]:
        raise _wrong(f"{name}: the year {day.year} is none of a record (expected {YEARS[0]} to {YEARS[1]})")
    return day


def _moment(name: str, text: str, zone: ZoneInfo, *, last: bool) -> datetime:
    """A day (as `last` its end) or a moment, in the practice's zone where it names none."""
    try:
        day = _in_calendar(name, date.fromisoformat(text))
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise _wrong(f"{name}: “{text}” is no day (2026-11-24) and no moment (2026-11-24T14:30)") from None
        _in_calendar(name, moment.date())
        return moment if moment.tzinfo else moment.replace(tzinfo=zone)
    return clock.local_moment(day + timedelta(days=last), time(0), zone)


def _day(name: str, text: str | None) -> date | None:
    try:
        return _in_calendar(name, date.fromisoformat(text)) if text else None
    except ValueError:
        raise _wrong(f"{name}: “{text}” is not a day (expected YYYY-MM-DD)") from None


def _actor(text: str | None) -> UUID | None:
    if not text or "@" not in text:
        return _id("--actor", text)
    user = User.objects.filter(email=User.objects.normalise(text)).first()
    if user is None:
        raise _wrong("--actor: nobody has this e-mail address")
    return user.pk


def _id(name: str, text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        raise _wrong(f"{name}: “{text}” is no id") from None


def _address(text: str | None) -> str:
    try:
        return str(ip_address(text)) if text else ""
    except ValueError:
        raise _wrong(f"--ip: “{text}” is no IP address") from None
