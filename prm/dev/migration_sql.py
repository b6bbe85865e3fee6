"""`python -m prm.dev.migration_sql FOLDER`: the SQL of each migration of ours as files for squawk; executes nothing."""

import os
import sys
from pathlib import Path

import django
from django.apps import apps
from django.db import connections
from django.db.migrations.loader import MigrationLoader

BASE = Path(__file__).resolve().parent.parent.parent


def main(folder: Path) -> None:
    """A file `<app>.<migration>.sql` for every migration of this checkout, `….alone.sql` where it is not atomic."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "prm.settings")
    django.setup()
    loader = MigrationLoader(connections["owner"], replace_migrations=False)
    for (label, name), migration in sorted(loader.graph.nodes.items()):
        config = apps.get_app_config(label)
        if BASE in Path(config.path).resolve().parents and ".venv" not in Path(config.path).parts:
            statements = loader.collect_sql([(migration, False)])
            kind = "sql" if migration.atomic else "alone.sql"
            (folder / f"{label}.{name}.{kind}").write_text("\n".join(statements) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
