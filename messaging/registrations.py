"""The timeline kinds and work-item kinds of messages (daily.md §11)."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from messaging import patient_copy
from messaging.models import OutboxMessage
from messaging.models.outbox import OutboxQuerySet
from patients import record_copy, timeline, worklist


def register() -> None:
    """Called once, from AppConfig.ready()."""
    record_copy.register(gettext_noop("Messages we sent you"), patient_copy.sent_messages, order=80)
    timeline.register("message_sent", group="messages", icon="send", sentence=_sent)
    timeline.register("message_not_sent", group="messages", icon="ban", sentence=_not_sent, tone="warn")
    timeline.register("message_delivered", group="messages", icon="mail-check", sentence=_delivered)
    timeline.register("message_bounced", group="messages", icon="mail-x", sentence=_bounced, tone="bad")
    timeline.register("message_complained", group="messages", icon="mail-warning", sentence=_complained, tone="bad")
    worklist.register(
        "fix_contact_point", label=gettext_lazy("Address does not work"), icon="mail-x", tone="warn",
        outcomes=(("corrected", gettext_lazy("Corrected")), ("removed", gettext_lazy("Removed"))),
    )  # fmt: skip
    worklist.register("complaint", label=gettext_lazy("Reported as spam"), icon="mail-warning", tone="bad")
    worklist.register(
        "template_broken",
        label=gettext_lazy("Message cannot be sent as it is"),
        icon="file-exclamation-point",
        tone="warn",
    )
    worklist.register("breaker", label=gettext_lazy("Sending is paused"), icon="circle-pause", tone="bad")


def _named(facts: Mapping[str, Any]) -> str:
    return facts.get("template") or _("Message")


def _sent(facts: Mapping[str, Any]) -> str:
    return _("“%(template)s” sent") % {"template": _named(facts)}


def _not_sent(facts: Mapping[str, Any]) -> str:
    return _("“%(template)s” not sent: %(why)s") % {"template": _named(facts), "why": facts.get("why", "")}


def _delivered(facts: Mapping[str, Any]) -> str:
    return _("“%(template)s” delivered") % {"template": _named(facts)}


def _bounced(facts: Mapping[str, Any]) -> str:
    return _("“%(template)s” came back: the address does not take it") % {"template": _named(facts)}


def _complained(facts: Mapping[str, Any]) -> str:
    return _("“%(template)s” was reported as spam") % {"template": _named(facts)}


def unsettled(request: HttpRequest) -> OutboxQuerySet:
    """Messages that wait for a person: held ones and unknown ones; the figure beside “Outbox”."""
    return OutboxMessage.objects.filter(state__in=("held", "unknown"))
