"""`make shots`: a picture of each look of each page, and a list of what has none, with its reason."""

from contextlib import nullcontext
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from pytest_django.live_server_helper import LiveServer

from prm.dev import pages, shots
from prm.tenancy import use_practice
from tests.factories.accounts import MembershipFactory, PracticeFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_what_has_no_picture_is_named_with_its_reason(
    browser: Browser, live_server: LiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    practice = PracticeFactory(slug="harbor")
    with use_practice(practice.pk):
        MembershipFactory(role="owner")
    monkeypatch.setattr(shots.browser, "chromium", lambda: nullcontext(browser))
    said: list[str] = []

    only = frozenset({"signin", "portal_door", "audit_export", "audit_check", "patient"})
    assert only <= set(pages.ROWS)
    failed = shots.take(tmp_path, address=live_server.url, only=only, say=said.append)

    assert failed == 0
    pictures = {path.name for path in tmp_path.glob("*.png")}
    looks = {f"{size}-{theme}" for size in (1440, 390) for theme in ("light", "dark")}
    assert pictures == {f"signin-{look}.png" for look in looks} | {
        f"portal_door{language}-{look}.png" for look in looks for language in ("", "-es")
    }
    named = dict(line.split(": ", 1) for line in (tmp_path / shots.LEFT_OUT).read_text().splitlines())
    assert named.pop("audit_check").startswith(f"{shots.NO_PAGE}: answers 405")
    assert named == {"audit_export": "a part of another page", "patient": "harbor has no example of it"}
    assert said == ["left out, patient: harbor has no example of it"]
