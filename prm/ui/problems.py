"""What a view may raise to be answered with one of the system pages (prm.ui.system_pages)."""

from datetime import datetime


class Conflict(Exception):
    """Somebody changed the thing meanwhile (409); the message says who and what, for the reader."""


class TooManyRequests(Exception):
    """The caller did this too often (429) and may try again at `until` (aware)."""

    def __init__(self, until: datetime) -> None:
        self.until = until
        super().__init__("too many requests")
