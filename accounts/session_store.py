"""Where sessions are kept: Django's own database sessions, under a hash of the cookie, with their owner's name on."""

from datetime import UTC, datetime
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessions
from django.utils import timezone

from prm import crypto

# What `accounts.signin.finish` puts into a session.
SIGNED_IN_AT, SEEN_AT, ADDRESS, AGENT = "signed_in_at", "seen_at", "address", "agent"


def stored_key(session_key: str) -> str:
    """What the table knows of a cookie's value: an HMAC, since 256 random bits need no slow hash."""
    return crypto.token_hash(f"session {session_key}")


class SessionStore(DatabaseSessions):
    """The cookie's value never reaches the table. Ending a session is deleting its row: the next request is nobody's.

    A request that runs while its session is ended cannot bring the row back: Django updates, it does not insert.
    """

    @classmethod
    def get_model_class(cls) -> Any:
        """Our rows; imported late, because settings name this module before the models exist."""
        from accounts.models import Session  # noqa: PLC0415  (as Django's own does)

        return Session

    def _get_session_from_db(self) -> Any:
        found = self.model.objects.filter(pk=stored_key(self.session_key or ""), expire_date__gt=timezone.now()).first()
        if found is None:
            self._session_key = None
        return found

    def exists(self, session_key: str) -> bool:
        """True where a row has this cookie's value."""
        return self.model.objects.filter(pk=stored_key(session_key)).exists()

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        """The row of this session, its columns filled from its data."""
        key: str = self._get_or_create_session_key()  # type: ignore[attr-defined]  # the stubs leave it out
        return self.model(
            session_key=stored_key(key), session_data=self.encode(data),
            expire_date=self.get_expiry_date(), user_id=data.get(SESSION_KEY), signed_in_at=_moment(data, SIGNED_IN_AT),
            seen_at=_moment(data, SEEN_AT), address=data.get(ADDRESS), agent=data.get(AGENT, ""),
        )  # fmt: skip

    def delete(self, session_key: str | None = None) -> None:
        """Remove the row of this session, or of another cookie's value."""
        key = session_key or self.session_key
        if key:
            self.model.objects.filter(pk=stored_key(key)).delete()


def _moment(data: dict[str, Any], name: str) -> datetime | None:
    return datetime.fromtimestamp(data[name], UTC) if name in data else None
