"""Everything that happened to one message, in order: decisions, calls, the provider's events, clicks."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from messaging.channels import Result
from messaging.models import DeliveryAttempt, LinkClick, OutboxMessage, ProviderEventKey
from messaging.outbox import words as say
from prm.ui import words

ATTEMPT = {
    Result.OPEN: ("send", "", "Handed to {provider}"),
    Result.YES: ("check", "good", "{provider} took it"),
    Result.NO: ("rotate-cw", "warn", "{provider} did not take it: {why}"),
    Result.NEVER: ("ban", "bad", "{provider} refused it: {why}"),
    Result.UNKNOWN: ("circle-question-mark", "warn", "Handed to {provider}, but no answer came: {why}"),
}
EVENT = {
    "processed": ("inbox", "", "The provider accepted it"),
    "deferred": ("clock", "warn", "The receiver asks us to wait"),
    "delivered": ("mail-check", "good", "Delivered to the mailbox"),
    "bounce": ("mail-x", "bad", "It came back"),
    "dropped": ("mail-x", "bad", "The provider did not send it on"),
    "open": ("mail-open", "", "Opened, or loaded by a mail program"),
    "click": ("mouse-pointer-click", "", "A link was opened"),
    "spamreport": ("mail-warning", "bad", "Reported as spam"),
    "unsubscribe": ("bell-off", "warn", "Unsubscribed"),
    "group_unsubscribe": ("bell-off", "warn", "Unsubscribed"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the history."""

    at: datetime
    icon: str
    tone: str
    sentence: str
    score: None = None


def steps(message: OutboxMessage) -> list[Step]:
    """All steps of a message, oldest first."""
    found = [Step(message.created_at, "file-plus", "", "Queued")]
    for attempt in DeliveryAttempt.objects.filter(message=message):
        icon, tone, sentence = ATTEMPT[Result(attempt.result)]
        text = sentence.format(provider=attempt.provider.capitalize(), why=say.reason(attempt.code))
        found.append(Step(attempt.ended_at or attempt.started_at, icon, tone, _with_words(text, attempt.text)))
    for event in ProviderEventKey.objects.filter(message=message):
        icon, tone, sentence = EVENT.get(event.kind, ("info", "", event.kind))
        found.append(Step(event.at, icon, tone, _with_words(sentence, event.text)))
    for click in LinkClick.objects.filter(link__message=message):
        who = "A mail scanner opened a link" if click.by == LinkClick.By.MACHINE else "A link was opened"
        found.append(Step(click.at, "mouse-pointer-click", "", who))
    if message.state not in ("sent", "claimed", "started"):
        found.append(Step(message.state_at, "flag", say.tone(message), say.outcome(message)))
    return sorted(found, key=lambda step: step.at)


def _with_words(sentence: str, said: str) -> str:
    """The sentence, and what the provider said."""
    return f"{sentence} (“{said}”)" if said else sentence


def by_day(found: Iterable[Step]) -> list[tuple[str, list[Step]]]:
    """Steps under the name of their day, in the active zone."""
    return [(day, list(group)) for day, group in groupby(found, key=lambda step: words.day(step.at))]
