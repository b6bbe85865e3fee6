"""What a view may raise to be answered with one of the system pages (prm.ui.system_pages)."""

from datetime import datetime


class BadParameter(ValueError):
    """A parameter of the address says nothing we know (400): its name, what was found, what was expected."""

    def __init__(self, name: str, found: str, expected: str) -> None:
        """The text is shown to the reader as it is."""
        self.name = name
        super().__init__(f"{name}: “{found[:40]}” is not {expected}")


class Conflict(Exception):
    """Somebody changed the thing meanwhile (409); the message says who and what, for the reader."""


class TooManyRequests(Exception):
    """The caller did this too often (429) and may try again at `until` (aware)."""

    def __init__(self, until: datetime) -> None:
        self.until = until
        super().__init__("too many requests")


class TookTooLong(Exception):
    """What was asked for needs more time or memory than one page may take (503); nothing of it goes on."""
