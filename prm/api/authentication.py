"""Who asks: the API key that the middleware has found, and whether it holds the scope."""

from typing import Any, Protocol
from uuid import UUID

from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from prm.api.problems import Problem


class Key(Protocol):
    """What the ground wants of an API key (accounts.models.ApiKey)."""

    pk: UUID
    practice_id: UUID
    scopes: list[str]


class KeyAuthentication(BaseAuthentication):
    """The key that the middleware has found, and no other way in: no session, no cookie, so no CSRF."""

    def authenticate(self, request: Request) -> tuple[None, Key] | None:
        """Nobody and the key; None without one."""
        key = getattr(request, "api_key", None)
        return (None, key) if key else None

    def authenticate_header(self, request: Request) -> str:
        """What a 401 asks for."""
        return "Bearer"


class HasScope(BasePermission):
    """Asks that the key holds the scope of the action."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """True; Problem says which scope is missing."""
        if request.auth is None:
            return False
        scope = view.scope_of(request.method)
        if scope not in request.auth.scopes:
            raise Problem("missing-scope", f"This needs the scope {scope}.")
        return True
