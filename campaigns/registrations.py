"""What campaigns adds to the timeline and to the side bar."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from campaigns.models import Journey
from patients import timeline
from prm.ui import navigation

Facts = Mapping[str, Any]


def register() -> None:
    """Called once, from AppConfig.ready()."""
    timeline.register("journey_started", group="messages", icon="waypoints", sentence=_started)
    timeline.register("journey_stopped", group="messages", icon="circle-stop", sentence=_stopped)
    navigation.register(
        "campaigns", _("Campaigns"), icon="waypoints", url_name="campaigns", permission="campaigns.view",
        group=navigation.ENGAGE,
    )  # fmt: skip


def _started(facts: Facts) -> str:
    return _("Rule “%(rule_name)s” began") % facts


def _stopped(facts: Facts) -> str:
    reason = str(dict(Journey.End.choices).get(facts["reason"], facts["reason"]))
    return _("Rule “%(rule_name)s” ended: %(reason)s") % {"rule_name": facts["rule_name"], "reason": reason.lower()}
