"""An archive of all data that somebody fetches is accounted for (45 CFR 164.528): `patients`, above us, says how."""

from collections.abc import Callable
from datetime import datetime

from accounts.models import User

Accounting = Callable[[User, datetime], object]
_accounting: list[Accounting] = []


def register(accounting: Accounting) -> None:
    """Say who writes down that somebody fetched the archive (from AppConfig.ready), in the caller's transaction."""
    _accounting.append(accounting)


def archive_fetched(by: User, *, now: datetime) -> None:
    """Tell whoever accounts for it."""
    for accounting in _accounting:
        accounting(by, now)
