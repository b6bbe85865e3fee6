"""The browser that all browser tests of a worker share."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from prm.dev import browser as chromium


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium; where none is found the test is skipped with the way to get one, in CI it fails."""
    if chromium.executable() is None:
        if os.environ.get("CI"):
            pytest.fail(chromium.HOW_TO_GET_IT)
        pytest.skip(chromium.HOW_TO_GET_IT)
    with chromium.chromium() as running:
        yield running
