"""Rules and a survey action for tests of the evaluator; the real action is nps's (tests/journeys)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest

from accounts.models import Practice
from campaigns import actions
from messaging.outbox import queue
from prm.tenancy import current_practice_id, use_practice
from tests.factories.accounts import PracticeFactory


def rule_document(**changes: Any) -> dict[str, Any]:
    """Two weeks after discharge at 10:00, the survey by e-mail; members as given, None leaves one out."""
    document = {
        "schema": "prm.rule/1", "name": "After discharge", "purpose": "treatment",
        "trigger": {"kind": "after_discharge", "after": {"n": 14, "unit": "days"}, "at": "10:00"},
        "steps": [{"id": "ask", "do": "survey", "channel": ["email"], "survey": "nps"}],
    } | changes  # fmt: skip
    return {name: value for name, value in document.items() if value is not None}


def after(n: int, unit: str = "days", at: str = "10:00") -> dict[str, Any]:
    """A discharge trigger."""
    return {"kind": "after_discharge", "after": {"n": n, "unit": unit}} | ({"at": at} if unit == "days" else {})


def queue_surveys(batch: Sequence[actions.Release], now: datetime) -> list[actions.Result]:
    """An action that queues a real outbox row for each release."""
    practice = Practice.objects.get(pk=current_practice_id())
    drafts = [
        queue.Draft(
            patient=release.patient, channel="email", purpose=release.purpose, topic="surveys", klass="care",
            dedupe_key=release.dedupe_key, body={"subject": "One question", "text": "How likely…?"},
            expires_at=release.expires_at, campaign=release.rule_id,
        )
        for release in batch
    ]  # fmt: skip
    rows = queue.enqueue_many(practice, drafts, now=now)
    return [actions.Result(outbox_id=row.pk, channel="email") for row in rows]


def pretend_to_queue(batch: Sequence[actions.Release], now: datetime) -> list[actions.Result]:
    """An action that does nothing: where only decisions and journeys matter."""
    return [actions.Result(channel="email") for _release in batch]


@pytest.fixture
def survey_action(monkeypatch):
    """Put an action in the place of `survey`; called with the function that releases."""

    def install(release):
        action = actions.Action(
            kind="survey", names="survey", release=release, choices=lambda: [("nps", "Patient satisfaction")],
            phrase=lambda step, language: "send the survey" if language == "en" else "enviar la encuesta",
        )  # fmt: skip
        monkeypatch.setitem(actions._actions, "survey", action)

    return install


@pytest.fixture
def surveys(survey_action):
    """The survey action queues real outbox rows."""
    survey_action(queue_surveys)


@pytest.fixture
def practice(db):
    """A practice in New York, open."""
    practice = PracticeFactory()
    with use_practice(practice.pk):
        yield practice
