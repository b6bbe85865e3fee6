"""Sessions, one row each, with what their owner wants to know of them."""

from typing import Any

from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models

from accounts.models.users import User


class Session(AbstractBaseSession):
    """A browser's session. The row holds a keyed hash of the cookie's value: whoever reads the table cannot be anybody.

    The further columns repeat what the session's data says, so that a person's sessions can be listed and ended; they
    are empty until somebody has signed in. Global: a person may work for several practices.
    """

    session_key = models.CharField(max_length=64, primary_key=True)  # accounts.session_store.stored_key of the cookie
    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="sessions")
    signed_in_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)  # to the ten seconds, as idleness is kept
    address = models.GenericIPAddressField(null=True)  # at sign-in
    agent = models.CharField(max_length=300, blank=True)  # the browser's User-Agent at sign-in

    class Meta(AbstractBaseSession.Meta):
        abstract = False
        indexes = [models.Index(fields=["user", "seen_at"], name="accounts_session_user")]

    def __str__(self) -> str:
        return self.session_key[:8]

    @classmethod
    def get_session_store_class(cls) -> Any:
        """The store that reads and writes these rows."""
        from accounts.session_store import SessionStore  # noqa: PLC0415  (the store needs the model)

        return SessionStore
