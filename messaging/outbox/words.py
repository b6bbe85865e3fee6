"""What became of a message, in words for staff."""

from collections.abc import Mapping
from typing import Any

from messaging.models import OutboxMessage, Suppression
from messaging.outbox import guard
from prm.ui import words

State, Delivery, Outcome = OutboxMessage.State, OutboxMessage.Delivery, OutboxMessage.Outcome

TONES = {
    State.SENT: "good", State.UNKNOWN: "warn", State.HELD: "warn", State.FAILED: "bad", State.EXPIRED: "warn",
    State.SUPPRESSED: "", State.CANCELLED: "",
}  # fmt: skip
BACK = (Delivery.BLOCKED, Delivery.BOUNCED, Delivery.DROPPED)

REASONS = {
    "expired": "its time had run out",
    "stale": "its occasion was gone",
    "taken_back": "it was taken back before it left",
    "patient_inactive": "the patient’s record is not active",
    "paused": "sending is paused",
    "no_address": "the patient has no working address for it",
    "suppressed": "the address is blocked",
    "no_consent": "the patient has not agreed to it",
    "no_authorisation": "there is no signed authorization",
    "content": "the template lacks something that the law asks for",
    "quiet_hours": "it was too early or too late for the patient",
    "cap": "the patient got enough messages already",
    "gave_up": "the provider did not take it in eight tries",
    "broken_wording": "the template’s text is broken",
    "unreadable": "what it was to say cannot be decrypted",
    "worker_died": "the program was stopped in the middle of the call",
    "no_answer": "the provider gave no answer",
}
INACTIVE = {
    "deceased": "the patient has died",
    "archived": "the patient’s record is archived",
    "test_patient": "it is a test patient",
    "sample": "it is a sample patient",
    "erased": "the patient’s record was erased",
    "do_not_contact": "the patient asked not to be contacted",
    "merged_again": "the patient’s record was merged twice",
}


def reason(code: str, facts: Mapping[str, Any] | None = None) -> str:
    """A reason code as the end of a sentence."""
    facts = facts or {}
    if code == "stale" and facts.get("why") == guard.LINK_ENDED:
        return "its link was ended before it left, as a changed address does"
    if code == "patient_inactive" and facts.get("why") in INACTIVE:
        return INACTIVE[facts["why"]]
    if code == "suppressed" and facts.get("kind") in Suppression.Kind.values:
        return f"the address is blocked ({str(Suppression.Kind(facts['kind']).label).lower()})"
    if code.startswith("missing_field:"):
        return f"the value of “{code.partition(':')[2]}” is missing"
    if code.startswith(("http_", "smtp_")):
        return f"the provider answered {code.partition('_')[2]}"
    return REASONS.get(code, f"the provider’s answer was “{code}”" if code else "")


def outcome(message: OutboxMessage) -> str:
    """What happened or will happen to a message, as one short sentence."""
    why = reason(message.reason, message.facts)
    match message.state:
        case State.QUEUED:
            when = f"Leaves {words.moment(message.not_before)}"
            return f"{when}: {why}" if why else when
        case State.CLAIMED | State.STARTED:
            return "Leaving now"
        case State.SENT:
            return _delivered(message)
        case State.UNKNOWN:
            return f"Nobody knows whether it left: {why}. It is not sent again by itself"
        case State.HELD:
            return f"Held: {why}"
    return f"Not sent: {why}"


def _delivered(message: OutboxMessage) -> str:
    if message.provider == "preview":
        return "Kept here as a preview; nothing left"
    return {
        Delivery.NONE: "Sent",
        Delivery.ACCEPTED: "Sent; no word from the receiver yet",
        Delivery.DEFERRED: "Sent; the receiver asks us to wait",
        Delivery.DELIVERED: "Delivered",
        Delivery.BLOCKED: "Sent, but the receiver blocked it",
        Delivery.BOUNCED: "Sent, but it came back",
        Delivery.DROPPED: "The provider did not send it on",
    }[Delivery(message.delivery)]


def tone(message: OutboxMessage) -> str:
    """good, warn, bad or empty, for a badge."""
    if message.state == State.SENT:
        return "bad" if message.delivery in BACK else "" if message.provider == "preview" else "good"
    return TONES.get(State(message.state), "")


def label(message: OutboxMessage) -> str:
    """The state in one or two words."""
    if message.state == State.SENT and message.provider == "preview":
        return "Preview"
    if message.state == State.SENT and message.delivery in (*BACK, Delivery.DELIVERED):
        return str(Delivery(message.delivery).label)
    return str(State(message.state).label)
