"""`practice close | reopen | erase | archive`: the end of a practice, from a shell."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError

from prm import clock
from prm.audit.record import record
from prm.tenancy import closing, use_practice
from prm.tenancy.models import PracticeClosure


class Command(BaseCommand):
    """Closes a practice: suspended at once, erased after 30 days; takes that back; carries it out; opens an archive."""

    help = "Close a practice, take that back, erase what is due, read a sealed archive."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What to do with which practice."""
        acts = parser.add_subparsers(dest="act", required=True)
        for act, text in (
            ("close", "suspend now, erase in 30 days"),
            ("reopen", "take the closing back"),
            ("erase", "carry out the closing, once its 30 days are over; print the certificate"),
        ):
            acts.add_parser(act, help=text).add_argument("slug")
        archive = acts.add_parser("archive", help="print the rows of a sealed archive as JSON lines")
        archive.add_argument("path", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, or say why not."""
        getattr(self, f"_{options['act']}")(options)

    def _close(self, options: dict[str, Any]) -> None:
        practice = _practice(options["slug"])
        now = clock.now()
        closure = closing.ask(practice, by="an operator, by command", now=now)
        with use_practice(practice.pk):
            record("practice.closed", now=now, object_id=practice.pk)
        self.stdout.write(f"{practice.slug} is suspended. It is erased after {closure.erase_after:%Y-%m-%d %H:%M} UTC.")
        self.stdout.write(f"Until then: manage.py practice reopen {practice.slug}")

    def _reopen(self, options: dict[str, Any]) -> None:
        practice = _practice(options["slug"])
        now = clock.now()
        try:
            closing.cancel(practice, now=now)
        except closing.NotClosing:
            raise CommandError(f"“{practice.slug}” is not being closed, or already erased") from None
        with use_practice(practice.pk):
            record("practice.closing_cancelled", now=now, object_id=practice.pk)
        self.stdout.write(f"{practice.slug} runs again.")

    def _erase(self, options: dict[str, Any]) -> None:
        closure = PracticeClosure.objects.filter(slug=options["slug"], cancelled_at=None).order_by("-asked_at").first()
        if closure is None:
            raise CommandError(f"“{options['slug']}” is not being closed")
        if closure.erased_at is None:
            try:
                closing.erase(closure, now=clock.now())
            except closing.NotClosing:
                raise CommandError(f"not before {closure.erase_after:%Y-%m-%d %H:%M} UTC") from None
        self.stdout.write(closing.certificate(closure))
        self.stdout.write(f"Archive: {closing.archive_folder() / closure.archive}")

    def _archive(self, options: dict[str, Any]) -> None:
        try:
            for row in closing.read_archive(options["path"]):
                self.stdout.write(json.dumps(row, ensure_ascii=False))
        except (OSError, closing.BadArchive) as problem:
            raise CommandError(f"{options['path']}: {problem}") from None


def _practice(slug: str) -> Any:
    found = apps.get_model("accounts.Practice").objects.filter(slug=slug).first()
    if found is None:
        raise CommandError(f"there is no practice “{slug}”", returncode=2)
    return found
