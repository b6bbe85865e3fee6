"""`manage.py rules validate FILE…`: is each file a rule? (campaigns.md §9)"""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import Practice
from campaigns import validate
from campaigns.json_schema import Fault
from prm.tenancy import use_practice


class Command(BaseCommand):
    """Prints one line of JSON a file, `{"ok": …, "errors": [{"path", "message"}]}`; status 1 where one is no rule."""

    help = "Check rule files (prm.rule/1). Several files: a line each, with the file's name."

    def add_arguments(self, parser: CommandParser) -> None:
        """`validate FILE…`, with `--practice` to look up the surveys that a rule names."""
        commands = parser.add_subparsers(dest="command", required=True)
        check = commands.add_parser("validate", help="check rule files")
        check.add_argument("files", nargs="+", metavar="FILE")
        check.add_argument("--practice", metavar="SLUG", help="names must exist in this practice")

    def handle(self, *args: Any, files: list[str], practice: str | None, **options: Any) -> None:
        """Check all files; CommandError for an unknown practice."""
        found = {name: self._faults(name, practice) for name in files}
        for name, faults in found.items():
            line = {
                "ok": not faults,
                "errors": [{"path": fault.path, "message": fault.message} for fault in faults],
            }
            self.stdout.write(json.dumps(({"file": name} if len(files) > 1 else {}) | line, ensure_ascii=False))
        if any(found.values()):
            raise SystemExit(1)

    def _faults(self, name: str, slug: str | None) -> list[Fault]:
        try:
            document, faults = validate.read(Path(name).read_bytes())
        except OSError as problem:
            return [Fault("", f"{name}: {problem.strerror}")]
        if faults or slug is None:
            return faults or validate.faults(document, in_practice=False)
        practice = Practice.objects.filter(slug=slug).first()
        if practice is None:
            raise CommandError(f"--practice {slug}: there is no such practice")
        with use_practice(practice.pk):
            return validate.faults(document)
