"""The step “send the survey” of a rule, registered with `campaigns.actions`."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from accounts.models import Practice
from campaigns.actions import Action, Release, Result
from nps import ask
from nps.models import Survey, SurveyInvitation
from nps.setup import STANDARD_NAME, ensure_survey
from prm.tenancy import current_practice_id

KIND = "survey"
MISSING = "missing_survey"


def release(batch: Sequence[Release], now: datetime) -> list[Result]:
    """Ask the patients of a batch, each by the survey that its step names; one Result a Release, in their order."""
    named = {release.step[KIND] for release in batch}
    surveys = {survey.name: survey for survey in Survey.objects.filter(name__in=named)}
    if STANDARD_NAME in named - set(surveys):  # a practice made from a shell asks for the first time
        surveys[STANDARD_NAME] = ensure_survey(Practice.objects.get(pk=current_practice_id()))
    results: dict[str, Result] = {}
    for name in {release.step[KIND] for release in batch}:
        asked = [release for release in batch if release.step[KIND] == name and release.episode is not None]
        if name not in surveys:
            results |= {release.dedupe_key: Result(reason=MISSING) for release in asked}
            continue
        invitations = ask.invite_many([a for r in asked if (a := _asking(r))], survey=surveys[name], now=now)
        results |= {r.dedupe_key: _result(i) for r, i in zip(asked, invitations, strict=True)}
    return [results.get(release.dedupe_key, Result(reason="no_episode")) for release in batch]


def choices() -> list[tuple[str, str]]:
    """The practice's active surveys by name; the name is what a rule keeps, so that rules can be carried over.

    The standard one is offered before it is there: the first asking makes it.
    """
    known = dict(Survey.objects.values_list("name", "active"))
    names = {name for name, active in {STANDARD_NAME: True, **known}.items() if active}
    return [(name, name) for name in sorted(names)]


def phrase(step: Mapping[str, Any], language: str) -> str:
    """The step as the end of the rule's sentence."""
    return f"envíe la encuesta “{step[KIND]}”" if language == "es" else f"send the survey “{step[KIND]}”"


ACTION = Action(kind=KIND, names=KIND, release=release, choices=choices, phrase=phrase)


def _asking(release: Release) -> ask.Asking | None:
    if release.episode is None:
        return None
    return ask.Asking(
        release.episode, firing=release.firing_id, step=release.step["id"], campaign=release.rule_id,
        dedupe_key=release.dedupe_key, expires_at=release.expires_at,
    )  # fmt: skip


def _result(invitation: SurveyInvitation) -> Result:
    if invitation.state == SurveyInvitation.State.WITHDRAWN:
        return Result(channel=invitation.channel, reason=invitation.not_sent_reason)
    return Result(outbox_id=invitation.outbox_message, channel=invitation.channel)
