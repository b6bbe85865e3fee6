"""Templates, the outbox, what must not leave, providers and their events, counted links."""

from messaging.models.limits import SendPause, Suppression
from messaging.models.links import Link, LinkClick
from messaging.models.outbox import DeliveryAttempt, OutboxBody, OutboxMessage
from messaging.models.providers import ChannelSettings, ProviderEvent, ProviderEventKey
from messaging.models.staff_mail import StaffMail
from messaging.models.templates import Klass, MessagePurpose, Template, TemplateVersion, Topic

__all__ = [
    "ChannelSettings",
    "DeliveryAttempt",
    "Klass",
    "Link",
    "LinkClick",
    "MessagePurpose",
    "OutboxBody",
    "OutboxMessage",
    "ProviderEvent",
    "ProviderEventKey",
    "SendPause",
    "StaffMail",
    "Suppression",
    "Template",
    "TemplateVersion",
    "Topic",
]
