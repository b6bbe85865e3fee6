"""API keys, and a client that carries one."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from django.test import Client

from accounts import api_keys
from accounts.models import ApiKey, Practice
from prm import clock
from prm.api import scopes
from prm.tenancy import use_practice
from tests.factories.accounts import UserFactory


def make_key(
    practice: Practice, held: Collection[str] | None = None, *, lasts: timedelta | None = None
) -> tuple[ApiKey, str]:
    """A key of `practice` with the scopes `held` (None: every one), and its text. Opens the practice itself."""
    with use_practice(practice.pk):
        return api_keys.make(
            practice, f"Key {ApiKey.objects.count()}", scopes.every() if held is None else held, by=UserFactory(),
            now=clock.now(), lasts=lasts,
        )  # fmt: skip


class Caller(Client):
    """A program with a key: sends JSON, gives back broken answers instead of raising."""

    def __init__(self, text: str = "") -> None:
        super().__init__(raise_request_exception=False, headers={"authorization": f"Bearer {text}"} if text else {})

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """A request with a JSON body."""
        data = {} if body is None else {"data": body, "content_type": "application/json"}
        return getattr(self, method)(f"/api/v1/{path}", headers={**self.carried, **headers}, **data)

    @property
    def carried(self) -> dict[str, str]:
        """The headers of each request."""
        return {"authorization": self.defaults["HTTP_AUTHORIZATION"]} if "HTTP_AUTHORIZATION" in self.defaults else {}


def caller(practice: Practice, held: Collection[str] | None = None) -> Caller:
    """A client with a new key of `practice`."""
    return Caller(make_key(practice, held)[1])
