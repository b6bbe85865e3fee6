"""The browser of the journeys is that of the pages' tests."""

from tests.ui.conftest import browser

__all__ = ["browser"]
