"""Providers that carry messages: each folder is an app that registers itself here from its AppConfig.ready().

A provider gets a `Call` (what to send, to whom, as whom) and answers an `Answer` for each message. It reads and writes
no rows: no transaction is open while it talks to the outside.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Result(models.TextChoices):
    """What became of one call for one message (messaging.md §2)."""

    OPEN = "open", _("On its way")
    YES = "yes", _("Taken")
    NO = "no", _("Not taken, tried again")
    NEVER = "never", _("Refused for good")
    UNKNOWN = "unknown", _("No answer")


@dataclass(frozen=True, slots=True)
class Sender:
    """As whom a practice sends: its identity and the provider's options and credentials, already opened."""

    practice_id: UUID
    practice_public_id: str
    name: str
    address: str
    reply_to: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message of a call. `subject html text` hold tags where `tags` has values: equal skeletons share a call."""

    message_id: UUID
    address: str
    subject: str
    html: str
    text: str
    tags: Mapping[str, str]
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """One call to a provider: one practice, class, purpose, language and skeleton; no address twice."""

    sender: Sender
    klass: str
    purpose: str
    parcels: Sequence[Parcel]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider said about one message (messaging.md §2).

    `retry_at`: the provider's own wish; `suppress`: a kind of Suppression; `pause`: the provider refuses the account,
    not the message; `text` without addresses. `breaker`: the provider itself is unwell.
    """

    result: str
    http: int | None = None
    code: str = ""
    text: str = ""
    provider_id: str = ""
    retry_at: datetime | None = None
    suppress: str = ""
    pause: bool = False
    breaker: bool = False


@dataclass(frozen=True)
class Provider:
    """`group`: messages a call, at most; `claim`: rows taken at once; `settings_form`: what the practice must enter."""

    name: str
    label: str | Promise
    channel: str
    send: Callable[[Call], Mapping[UUID, Answer]]
    settings_form: type[forms.Form]
    group: int
    claim: int
    lease: timedelta


_providers: dict[str, Provider] = {}
PREVIEW = "preview"


def register(
    name: str,
    *,
    label: str | Promise,
    channel: str,
    send: Callable[[Call], Mapping[UUID, Answer]],
    settings_form: type[forms.Form],
    group: int = 1,
    claim: int = 500,
    lease: timedelta = timedelta(seconds=120),
) -> None:
    """Add a provider, from an AppConfig.ready(). ValueError where the name is taken."""
    if name in _providers:
        raise ValueError(f"channel provider {name!r} is registered twice")
    _providers[name] = Provider(name, label, channel, send, settings_form, group, claim, lease)


def provider(name: str) -> Provider:
    """The registered provider. KeyError for a name that nobody registered."""
    return _providers[name]


def providers(channel: str) -> list[Provider]:
    """The providers of a channel by name."""
    return [_providers[name] for name in sorted(_providers) if _providers[name].channel == channel]


def channels() -> list[str]:
    """The channels that somebody carries."""
    return sorted({found.channel for found in _providers.values()})


def without_secrets(sender: Sender) -> Sender:
    """The same identity for another provider's form."""
    return replace(sender, options={}, credentials={})
