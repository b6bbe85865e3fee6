"""Every address that the resolver knows, with arguments that lead to a real row."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts.models import Practice
from patients import access
from patients.models import PortalLink
from prm import clock
from prm.tenancy import use_practice
from tests.security import rows

# What an argument holds: the label of a model, or a value. `<x>_id` needs no line where a model ends so.
ARGUMENTS: dict[str, Any] = {
    "message_id": "messaging.OutboxMessage",
    "raw_id": "integrations.RawMessage",
    "key": "trend",
    "form": "json",
    "digest": "0" * 64,
    "signed_id": "not-signed",
    "recovery_id": "accounts.FactorRecovery",
    "passkey_id": "django_otp_webauthn.WebAuthnCredential",
    "platform_practice": "accounts.Practice",
    "sign_up_token": "not-a-token",
    "step": "emr",
    "join_id": "accounts.TherapistJoin",
    "version": "2026-11",
}


@dataclass(frozen=True, slots=True)
class Address:
    """One pattern of the resolver."""

    name: str  # with its namespace
    pattern: str
    arguments: frozenset[str]
    view: Any

    @property
    def is_staff(self) -> bool:
        """Under /<practice_slug>/."""
        return "practice_slug" in self.arguments

    @property
    def is_portal(self) -> bool:
        """Under /portal/: a practice's pages, or those of the patient who is signed in on the device."""
        return "practice_public_id" in self.arguments or self.pattern.startswith("portal/")

    @property
    def is_open(self) -> bool:
        """Its view says that nobody need sign in."""
        return not getattr(self.view, "login_required", True)

    @property
    def names_a_row(self) -> bool:
        """Some argument besides the practice is the id of a row."""
        return any(argument.endswith("_id") and _model(argument) for argument in self.arguments - PRACTICE)


PRACTICE = frozenset({"practice_slug", "practice_public_id", "hook_practice", "media_practice"})


def addresses() -> list[Address]:
    """All of them, by name."""
    return sorted(_walk(get_resolver().url_patterns, "", "", frozenset()), key=lambda one: one.name)


def path(address: Address, practice: Practice, *, ids: dict[str, Any] | None = None) -> str:
    """The address in `practice`, at the rows of `ids` (made where they are missing)."""
    given = ids if ids is not None else make_rows(address, practice)
    named = {
        "practice_slug": practice.slug,
        "practice_public_id": practice.public_id,
        "hook_practice": practice.public_id,
        "media_practice": practice.public_id,
    }
    return reverse(address.name, kwargs={name: named.get(name, given.get(name)) for name in address.arguments})


def make_rows(address: Address, practice: Practice) -> dict[str, Any]:
    """A row of `practice` for each argument of `address` that names one."""
    with use_practice(practice.pk):
        return {name: _value(name) for name in address.arguments - PRACTICE}


def _value(argument: str) -> Any:
    if argument == "token":
        from nps.models import SurveyInvitation  # noqa: PLC0415  (not every reader of this module needs it)

        invitation: Any = rows.make(SurveyInvitation)
        _link, token = access.issue_link(
            invitation.patient, PortalLink.LinkPurpose.SURVEY, now=clock.now(), lasts=access.SURVEY_LASTS,
            source=invitation.pk,
        )  # fmt: skip
        return token
    model = _model(argument)
    return rows.make(model).pk if model else ARGUMENTS[argument]


def _model(argument: str) -> Any:
    known = ARGUMENTS.get(argument, "")
    if isinstance(known, str) and "." in known:
        return apps.get_model(known)
    short = argument.removesuffix("_id").replace("_", "")
    named = {model._meta.model_name: model for model in rows.tenant_models()}
    close = [name for name in named if name.endswith(short)] if argument.endswith("_id") else []
    if short in named or len(close) == 1:
        return named[short if short in named else close[0]]
    if argument not in ARGUMENTS and argument != "token":
        raise KeyError(f"say in tests/security/urls.py, ARGUMENTS, what {argument!r} in an address means")
    return None


def _walk(
    patterns: list[URLPattern | URLResolver], before: str, space: str, arguments: frozenset[str]
) -> Iterator[Address]:
    for pattern in patterns:
        at = before + str(pattern.pattern)
        own = arguments | set(pattern.pattern.converters) | set(pattern.pattern.regex.groupindex)
        if isinstance(pattern, URLResolver):
            below = f"{space}{pattern.namespace}:" if pattern.namespace else space
            yield from _walk(pattern.url_patterns, at, below, own)
        else:
            yield Address(f"{space}{pattern.name}", at, own, pattern.callback)
