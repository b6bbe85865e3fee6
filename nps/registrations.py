"""The timeline kinds and the work-item kind of surveys, recovery and reviews (daily.md section 11)."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from nps import patient_copy
from nps.models import ContactAttempt, RecoveryCase, Stage, SurveyInvitation
from patients import record_copy, timeline, worklist

Facts = Mapping[str, Any]


def register() -> None:
    """Called once, from AppConfig.ready()."""
    record_copy.register(gettext_noop("Your answers to our surveys"), patient_copy.answers, order=70)
    add = timeline.register
    add("survey_asked", group="feedback", icon="message-square-dot", sentence=_asked)
    add("survey_not_asked", group="feedback", icon="ban", sentence=_not_asked)
    add("survey_answered", group="feedback", icon="message-square-quote", sentence=_answered)
    add("survey_changed", group="feedback", icon="message-square-quote", sentence=_changed)
    add("survey_resurveyed", group="feedback", icon="message-square-quote", sentence=_resurveyed)
    add("survey_commented", group="feedback", icon="message-square-text", sentence=lambda _facts: _("Wrote a comment"))
    add("survey_contact_wish", group="feedback", icon="phone", sentence=_wish)
    add("survey_stopped", group="feedback", icon="bell-off", sentence=lambda _facts: _("Stopped all surveys"))
    add("recovery_opened", group="feedback", icon="life-buoy", sentence=_opened, tone="bad")
    add("recovery_joined", group="feedback", icon="life-buoy", sentence=_joined, tone="bad")
    add("recovery_reopened", group="feedback", icon="life-buoy", sentence=_reopened, tone="bad")
    add("recovery_taken", group="feedback", icon="user-round-check", sentence=_taken)
    add("recovery_contact_logged", group="feedback", icon="phone", sentence=_contact)
    add("recovery_improved", group="feedback", icon="trending-up", sentence=_improved, tone="good")
    add("recovery_resolved", group="feedback", icon="check", sentence=_resolved, tone="good")
    add("recovery_resolution_undone", group="feedback", icon="undo-2", sentence=_undone)
    add("review_asked", group="feedback", icon="star", sentence=lambda _facts: _("Asked for an online review"))
    worklist.register(
        "recovery", label=gettext_lazy("Recovery case"), icon="life-buoy", tone="bad",
        outcomes=RecoveryCase.Outcome.choices,
    )  # fmt: skip


def _word(choices: Any, value: str) -> str:
    """The label of a stored code; the code itself where an older version wrote another one."""
    return str(dict(choices.choices).get(value, value))


def _asked(facts: Facts) -> str:
    return _("Survey by e-mail: %(stage)s") % {"stage": _word(Stage, facts.get("stage", ""))}


def _not_asked(facts: Facts) -> str:
    return _("Not surveyed: %(why)s") % {"why": _word(SurveyInvitation.Reason, facts.get("reason", ""))}


def _answered(facts: Facts) -> str:
    return _("Would recommend: %(score)s of 10") % {"score": facts["score"]}


def _changed(facts: Facts) -> str:
    return _("Changed the answer from %(before)s to %(score)s of 10") % facts


def _resurveyed(facts: Facts) -> str:
    return _("Answered again after contact: %(score)s of 10 (before: %(before)s)") % facts


def _wish(facts: Facts) -> str:
    return {
        "call": _("Agreed to be contacted by phone"),
        "message": _("Agreed to be contacted by message"),
        "no": _("Does not want to be contacted about it"),
    }[facts["wish"]]


def _opened(facts: Facts) -> str:
    return _("Recovery case opened after a %(score)s") % facts


def _joined(facts: Facts) -> str:
    return _("A further answer (%(score)s) joined the open recovery case") % facts


def _reopened(facts: Facts) -> str:
    return _("Recovery case opened again after a %(score)s") % facts


def _taken(facts: Facts) -> str:
    return _("Recovery case taken by %(owner)s") % facts


def _contact(facts: Facts) -> str:
    return _("%(by)s: %(medium)s, %(result)s") % {
        "by": facts["by"],
        "medium": _word(ContactAttempt.Medium, facts["medium"]).lower(),
        "result": _word(ContactAttempt.Result, facts["result"]).lower(),
    }


def _improved(facts: Facts) -> str:
    return _("Answered again, better: %(score)s of 10") % facts


def _resolved(facts: Facts) -> str:
    return _("Recovery case resolved by %(by)s: %(outcome)s (%(cause)s)") % {
        "by": facts["by"],
        "outcome": _word(RecoveryCase.Outcome, facts["outcome"]).lower(),
        "cause": _word(RecoveryCase.Cause, facts["cause"]).lower(),
    }


def _undone(facts: Facts) -> str:
    return _("%(by)s took the resolution back") % facts
