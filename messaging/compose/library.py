"""The templates that every practice starts with, in English and Spanish; their words lie in `wordings/`.

The survey's question is locked: answers to differing questions must never be mixed (nps.md §2). The review request says
the same to everyone who is asked, whatever the score (security.md §5).
"""

import json
from pathlib import Path

from accounts.models import Practice
from messaging.compose import mail, versions
from messaging.models import Klass, TemplateVersion, Topic
from patients.models import Channel

SURVEY, REVIEW_REQUEST, SURVEY_TEXT = "survey", "review_request", "survey_text"
ACCESS_LINK, ACCESS_TEXT, ACCESS_TEXT_NAMED = "access_link", "access_text", "access_text_named"

WORDINGS = Path(__file__).parent / "wordings"
_BUILT_IN: dict[str, tuple[str, str]] = {
    SURVEY: ("Survey by e-mail", Channel.EMAIL),
    REVIEW_REQUEST: ("Review request", Channel.EMAIL),
    SURVEY_TEXT: ("Survey by text message", Channel.SMS),
    ACCESS_LINK: ("Link to the patient’s page", Channel.EMAIL),
    ACCESS_TEXT: ("Link to the patient’s page by text message", Channel.SMS),
    ACCESS_TEXT_NAMED: ("Link by text message to a shared number", Channel.SMS),
}
_OF_SECURITY = {ACCESS_LINK, ACCESS_TEXT, ACCESS_TEXT_NAMED}


def version(practice: Practice, key: str) -> TemplateVersion:
    """The newest version of a template that every practice has (`SURVEY`, `REVIEW_REQUEST`, …), made where missing.

    A practice's own wording of the same template wins. KeyError for an unknown key. Inside the practice's context.
    """
    name, channel = _BUILT_IN[key]
    own = versions.newest(key)
    if own is not None and not _is_ours(own):
        return own
    content = json.loads((WORDINGS / f"{key}.json").read_text())
    return versions.publish(
        key, name=name, content=content, channel=channel,
        topic=Topic.MESSAGES if key in _OF_SECURITY else Topic.SURVEYS,
        klass=Klass.SECURITY if key in _OF_SECURITY else Klass.CARE,
        languages=mail.shown_languages(practice.languages),
    )  # fmt: skip


def _is_ours(found: TemplateVersion) -> bool:
    """Whether nobody has written a wording of his own: then a better built-in one may take its place."""
    return "by" not in found.content
