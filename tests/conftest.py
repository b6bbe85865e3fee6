"""What all tests share; the servers and databases come from the plugin `prm.dev.testing`."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from playwright.sync_api import Browser

from accounts.models import Practice
from prm.dev import browser as chromium
from prm.dev import testing
from prm.tenancy import use_practice
from tests.factories.accounts import PracticeFactory
from tests.security import figures, tenant_statements

tenant_statements.start_watching()


def pytest_configure(config: pytest.Config) -> None:
    """Load what watches every test and what prints the figures of the security tests."""
    for plugin in (figures, tenant_statements):
        config.pluginmanager.register(plugin)


# A shared machine is slow at times; a slow example is no finding. Failures print the blob that repeats them.
hypothesis_settings.register_profile(
    "prm", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("prm")


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, django_db_blocker: pytest.FixtureRequest) -> Iterator[None]:
    """In place of pytest-django's: a copy of the migrated template instead of migrations for each worker."""
    with django_db_blocker.unblock(), testing.own_database():
        yield


@pytest.fixture(scope="session")
def browser(pytestconfig: pytest.Config) -> Iterator[Browser]:
    """Headless Chromium, one a worker; where there is none the test is skipped with how to get it, in CI it fails."""
    if chromium.executable() is None:
        if os.environ.get("CI"):
            pytest.fail(chromium.HOW_TO_GET_IT)
        figures.not_run(pytestconfig, "U browser tests", "all", chromium.HOW_TO_GET_IT)
        pytest.skip(chromium.HOW_TO_GET_IT)
    with chromium.chromium() as running:
        yield running


@pytest.fixture
def practice(db: None) -> Iterator[Practice]:
    """A practice that is open: rows made in the test are its own."""
    made = PracticeFactory()
    with use_practice(made.pk):
        yield made
