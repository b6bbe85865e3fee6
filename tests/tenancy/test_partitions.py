"""The months that `manage.py partitions` makes: each behind its own wall, none where rows lie already."""

from datetime import UTC, datetime

import pytest
from django.db import connection, connections

from patients import timeline
from prm.tenancy import partitions, use_practice
from tests.factories.accounts import PracticeFactory
from tests.factories.patients import PatientFactory

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner", "platform"])
FAR = datetime(2091, 5, 17, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clean_up():
    yield
    with connections["owner"].cursor() as cursor:
        for table in partitions.monthly_tables(connections["owner"]):
            for month in ("2091_05", "2091_06"):
                cursor.execute(f'DROP TABLE IF EXISTS "{table}_{month}"')


def test_a_second_run_makes_nothing_and_each_new_month_has_its_wall():
    made = partitions.ensure_months(connections["owner"], now=FAR, ahead=1)
    tables = partitions.monthly_tables(connections["owner"])
    assert sorted(made) == sorted(f"{table}_2091_{month}" for table in tables for month in ("05", "06"))
    assert partitions.ensure_months(connections["owner"], now=FAR, ahead=1) == []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relname = ANY(%s) AND (NOT relrowsecurity OR NOT relforcerowsecurity "
            "OR has_table_privilege('prm_app', oid, 'SELECT'))",
            [made],
        )
        assert cursor.fetchall() == []


def test_a_month_whose_rows_lie_in_the_default_partition_is_left_there():
    with use_practice(PracticeFactory().pk):
        patient = PatientFactory()
        timeline.record(patient, "survey_asked", patient, at=FAR)
    made = partitions.ensure_months(connections["owner"], now=FAR, ahead=1)
    assert "patients_timelineentry_2091_05" not in made
    assert "patients_timelineentry_2091_06" in made
