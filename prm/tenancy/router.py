"""Which connection does what: the application reads and writes on `default`, only `owner` migrates."""

from typing import Any


class OwnerMigrates:
    """Migrations run on the alias `owner` alone (role prm_owner), since the application's role owns nothing."""

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        """True for the alias `owner`."""
        return db == "owner"

    def allow_relation(self, obj1: Any, obj2: Any, **hints: Any) -> bool:
        """All aliases are one database."""
        return True
