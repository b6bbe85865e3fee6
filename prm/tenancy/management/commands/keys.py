"""`keys status`, `keys rotate`, `keys retire`: which keys are in use, replacing them, taking one out."""

from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import UUID

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError

from prm import clock
from prm.tenancy import closing, data_keys, key_uses, use_practice
from prm.tenancy.encrypted import EncryptedColumn, encrypted_columns, reencrypt
from prm.tenancy.models import DataKey


class Command(BaseCommand):
    """Replaces data keys (each practice's own) and master keys (PRM_MASTER_KEYS); safe to stop and run again.

    A new master key: put it first in PRM_MASTER_KEYS, leave the old ones after it, restart, `keys rotate --rewrap`.
    Whatever was encrypted stays; only the data keys are wrapped anew, and what is global is encrypted anew.
    A new data key: `keys rotate`, which then encrypts every column anew, and wraps too.
    """

    help = "Show the keys in use, or replace them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What to do, for whom."""
        acts = parser.add_subparsers(dest="act", required=True)
        acts.add_parser("status", help="how many data keys and seals need which master key")
        rotate = acts.add_parser("rotate", help="new data keys, every encrypted column under them")
        rotate.add_argument("--practice", help="slug; without it all practices, and what belongs to none")
        rotate.add_argument("--rewrap", action="store_true", help="only wrap the data keys under the first master key")
        rotate.add_argument(
            "--continue", dest="go_on", action="store_true", help="no new data key: finish a run that was stopped"
        )

        retire = acts.add_parser("retire", help="ask whether a master key can be taken out of PRM_MASTER_KEYS")
        retire.add_argument("key", help="its id, the four characters before the colon")
        retire.add_argument("--archives", type=Path, help="folder of the sealed archives that you keep elsewhere")

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit status 1 where a ciphertext did not open under any key."""
        if options["act"] == "status":
            self._status()
            return
        if options["act"] == "retire":
            self._retire(options["key"], options["archives"] or closing.archive_folder())
            return
        unreadable = 0
        for practice in _practices(options["practice"]):
            with use_practice(practice.pk):
                wrapped = data_keys.rewrap(practice.pk)
            self.stdout.write(f"{practice.slug}: {wrapped} data keys wrapped anew")
            if not options["rewrap"]:
                unreadable += self._rotate(practice, new_key=not options["go_on"])
        if not options["practice"]:
            for column in encrypted_columns():
                if not column.is_practices:
                    unreadable += self._column(column, None, "global")
        if unreadable:
            raise CommandError(f"{unreadable} ciphertexts did not open under any key and stay as they are")

    def _rotate(self, practice: Any, *, new_key: bool) -> int:
        if new_key:
            data_keys.add(practice.pk)
        number = data_keys.of_practice(practice.pk).newest
        self.stdout.write(f"{practice.slug}: data key {number} encrypts")
        columns = [column for column in encrypted_columns() if column.is_practices]
        unreadable = sum(self._column(column, practice.pk, practice.slug) for column in columns)
        with use_practice(practice.pk):
            DataKey.objects.filter(number__lt=number, retired_at=None).update(retired_at=clock.now())
        return unreadable

    def _column(self, column: EncryptedColumn, practice_id: UUID | None, name: str) -> int:
        done = reencrypt(column, practice_id)
        if done.changed or done.unreadable:
            said = f", {done.unreadable} unreadable" if done.unreadable else ""
            self.stdout.write(f"{name}: {column.table}.{column.name}: {done.changed} rows{said}")
        return done.unreadable

    def _retire(self, key: str, archives: Path) -> None:
        """Refuse with what still needs the key; changes nothing, since the keys stand in the environment."""
        if key.encode() not in data_keys.ring():
            raise CommandError(f"PRM_MASTER_KEYS holds no key {key}", returncode=2)
        if not archives.is_dir():
            raise CommandError(f"--archives: {archives} is no folder", returncode=2)
        try:
            found = list(key_uses.uses(key, archives=archives))
        except (closing.BadArchive, data_keys.UnknownKey) as problem:
            raise CommandError(f"{key} stays: an archive in {archives} cannot be read ({problem})") from None
        if found:
            raise CommandError("\n".join([f"{key} stays, it is still needed:", *found]))
        self.stdout.write(f"Nothing needs {key}. Take it out of PRM_MASTER_KEYS and restart every process.")

    def _status(self) -> None:
        """Which master keys must stay in PRM_MASTER_KEYS, and for what."""
        wraps: Counter[str] = Counter()
        seals: Counter[str] = Counter()
        for practice in _practices(None):
            with use_practice(practice.pk):
                wraps.update(DataKey.objects.values_list("master", flat=True))
                seals.update(apps.get_model("audit.AuditSeal").objects.values_list("key_id", flat=True))
        for key in dict.fromkeys([*(key.decode() for key in data_keys.ring()), *wraps, *seals]):
            use = "encrypts" if key == data_keys.current_master() else "kept"
            held = use if key.encode() in data_keys.ring() else "MISSING"
            self.stdout.write(f"{key}: {held}, wraps {wraps[key]} data keys, signed {seals[key]} days of the record")


def _practices(slug: str | None) -> Any:
    practices = apps.get_model("accounts.Practice").objects.order_by("slug")
    if slug is None:
        return practices
    if not practices.filter(slug=slug).exists():
        raise CommandError(f"--practice: there is no practice “{slug}”", returncode=2)
    return practices.filter(slug=slug)
