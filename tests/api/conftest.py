"""What the API's tests share."""

import pytest

from accounts.models import Practice
from prm.api import limits
from prm.api.limits import Limit
from tests.factories.accounts import PracticeFactory


@pytest.fixture(autouse=True)
def _room_for_bad_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """All tests come from one address: what one of them tries must not slow down the next."""
    monkeypatch.setattr(limits, "BAD_KEYS", Limit("bad-keys-in-tests", size=10**6, seconds=60))


@pytest.fixture
def ours() -> Practice:
    return PracticeFactory(slug="harbor")
