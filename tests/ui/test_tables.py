"""Keyset pages: every row once, in order, whatever the size of a page."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from patients.models import Patient
from prm.tenancy import use_practice
from prm.ui.tables import BadCursor, keyset_page, order_of
from tests.factories.accounts import PracticeFactory
from tests.factories.patients import PatientFactory

pytestmark = pytest.mark.django_db
ORDER = ("-last_name", "id")


@pytest.fixture
def people(db: None) -> object:
    practice = PracticeFactory()
    with use_practice(practice.pk):
        for name in ["Abara", "Abara", "Prado", "Nye", "Nye", "Nye", "Whitman"]:
            PatientFactory(last_name=name)
        yield Patient.objects.all()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=8)
@given(size=st.integers(1, 9))
def test_pages_hold_every_row_once_in_order(people: object, size: int) -> None:
    seen, after = [], ""
    while True:
        page = keyset_page(people, ORDER, after=after, size=size)
        assert len(page.rows) <= size
        assert page.is_later == bool(after)
        seen += page.rows
        after = page.next
        if not after:
            break

    assert seen == list(people.order_by(*ORDER))


@pytest.mark.parametrize("cursor", ["nonsense", "W10", "WyJhIl0", "IiI", "WyJhIiwieCJd", "%%%"])
def test_cursor_that_is_not_ours_is_refused(people: object, cursor: str) -> None:
    with pytest.raises(BadCursor):
        keyset_page(people, ORDER, after=cursor)


@pytest.mark.parametrize(
    ("asked", "chosen"),
    [
        ("name", ("name", ("last_name", "id"))),
        ("-seen", ("-seen", ("-last_visit_at", "-id"))),
        ("password", ("-seen", ("-last_visit_at", "-id"))),
        ("", ("-seen", ("-last_visit_at", "-id"))),
    ],
)
def test_only_declared_columns_sort(asked: str, chosen: tuple[str, tuple[str, str]]) -> None:
    assert order_of(asked, {"name": "last_name", "seen": "last_visit_at"}, "-seen") == chosen
