"""Who carries mail to staff: the platform's own server (SMTP_URL), in development the preview mailbox."""

from collections.abc import Sequence
from email.utils import parseaddr
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from messaging.channels import PREVIEW, Provider, Sender, provider
from messaging.channels.smtp.forms import OWN_MACHINE

PORTS = {"smtp": 587, "smtps": 465}
PLATFORM = UUID(int=0)  # in place of a practice: the platform itself sends


def account() -> tuple[Provider, Sender] | None:
    """The provider and as whom it sends; None where nothing is set outside development: mail then waits."""
    name, address = parseaddr(settings.MAIL_FROM)
    sender = Sender(practice_id=PLATFORM, practice_public_id="", name=name or address, address=address)
    if not settings.SMTP_URL:
        return (provider(PREVIEW), sender) if settings.DEVELOPMENT else None
    options, password = server(settings.SMTP_URL)
    return provider("smtp"), Sender(
        practice_id=PLATFORM, practice_public_id="", name=sender.name, address=address, options=options,
        credentials={"password": password},
    )  # fmt: skip


def server(url: str) -> tuple[dict[str, Any], str]:
    """Options of the SMTP provider, and the password, of `smtp://user:password@host:587` (STARTTLS) or `smtps://…:465`.

    Without encryption only to this machine itself. ImproperlyConfigured names the variable, never the password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ImproperlyConfigured("SMTP_URL: expected smtp://user:password@host:port or smtps://…") from None
    if parts.scheme not in PORTS or not parts.hostname:
        raise ImproperlyConfigured("SMTP_URL: expected smtp://user:password@host:port or smtps://…")
    own = parts.hostname in OWN_MACHINE
    security = "tls" if parts.scheme == "smtps" else "none" if own else "starttls"
    options = {
        "host": parts.hostname, "port": port or PORTS[parts.scheme], "security": security,
        "user": unquote(parts.username or ""),
    }  # fmt: skip
    return options, unquote(parts.password or "")


def check(**_of: Any) -> Sequence[checks.CheckMessage]:
    """System check: where mail to staff goes is set, and can be read."""
    found: list[checks.CheckMessage] = []
    if settings.SMTP_URL:
        try:
            server(settings.SMTP_URL)
        except ImproperlyConfigured as problem:
            found.append(checks.Error(str(problem), id="messaging.E001"))
    elif not settings.DEVELOPMENT:
        found.append(
            checks.Warning(
                "SMTP_URL is not set: invitations and password resets wait and are not sent", id="messaging.W001"
            )
        )
    if "@" not in parseaddr(settings.MAIL_FROM)[1]:
        found.append(checks.Error("PRM_MAIL_FROM: expected “Name <address>”", id="messaging.E002"))
    return found
