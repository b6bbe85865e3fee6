"""/dev/mail/: the patients' mailbox of the demo, with links that work. In development only; nobody signs in here."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from messaging.channels.preview.send import mailbox

SHOWN = 50
# The mail's own styles; a tap leaves the frame. No script, no form.
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'self'; "
    "sandbox allow-top-navigation-by-user-activation"
)


@login_not_required
@require_safe
def mail(request: HttpRequest) -> HttpResponse:
    """Newest first; `?to=` shows one address alone."""
    found = sorted(mailbox().glob("*.json"), reverse=True) if settings.DEVELOPMENT else []
    to = request.GET.get("to", "")
    mails = [mail for path in found[: None if to else SHOWN] if (mail := _load(path)) and to in {"", mail["to"]}]
    return render(request, "dev/mail.html", {"mails": mails, "n": len(mails) if to else len(found)})


@login_not_required
@require_safe
def mail_message(request: HttpRequest, message_id: UUID) -> HttpResponse:
    """One mail as its reader gets it."""
    return render(request, "dev/mail_message.html", {"mail": _read(str(message_id))})


@login_not_required
@xframe_options_sameorigin
@require_safe
def mail_html(request: HttpRequest, message_id: UUID) -> HttpResponse:
    """The HTML of one mail, for the frame."""
    html = _read(str(message_id))["html"]
    response = HttpResponse(html.replace("<head>", '<head><base target="_top">', 1))
    response["Content-Security-Policy"] = MAIL_POLICY
    return response


def _read(message_id: str) -> dict[str, Any]:
    """The mail of a message's id."""
    path = next(mailbox().glob(f"*.{message_id}.json"), None) if settings.DEVELOPMENT else None
    found = _load(path) if path else None
    if found is None:
        raise Http404
    return found


def _load(path: Path) -> dict[str, Any] | None:
    """The mail of a file; None where the mailbox has dropped it meanwhile."""
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    return {**found, "id": path.stem.rpartition(".")[2], "at": datetime.fromisoformat(found["at"])}
