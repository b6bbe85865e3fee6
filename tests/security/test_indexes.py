"""Indexes of tenant tables begin with the practice, so that a policy's condition is the first thing they narrow."""

import pytest

from accounts.models import User
from tests.security import catalogue

pytestmark = pytest.mark.django_db(transaction=True)

OTHERWISE = {
    "campaigns_journey_planned": "the evaluation's look across practices for what is due (prm.tenancy.platform)",
    "campaigns_ruleclock_next": "as campaigns_journey_planned",
    "messaging_template_key_2238a8ae": "the slug field's own, of a table of few rows; unique (practice, key) is read",
    "messaging_template_key_2238a8ae_like": "as messaging_template_key_2238a8ae",
    "patients_episode_changed_any": "as campaigns_journey_planned: whose episodes changed since the last look",
    "patients_portallink_token": "unique in all practices: 32 random bytes, and one row at most",
    "patients_portalsession_token": "as patients_portallink_token",
}


def test_every_index_of_a_tenant_table_begins_with_the_practice_or_says_why_not():
    found = catalogue.rows(
        "SELECT c.relname, i.relname, pg_get_indexdef(x.indexrelid, 1, true) FROM pg_index x "
        "JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid "
        "WHERE c.relnamespace = 'public'::regnamespace AND NOT c.relispartition AND NOT x.indisprimary"
    )
    tenant = catalogue.tenant_tables(partitions=False)
    others = {(table, index, first) for table, index, first in found if table in tenant and first != "practice_id"}
    assert {index for table, index, first in others if not is_a_persons(table, first)} == set(OTHERWISE)
    assert len(found) > len(others) + 20


def is_a_persons(table: str, column: str) -> bool:
    """A key to the global table of people: what a person did is found when the account goes."""
    return (table, (column,), User._meta.db_table) in {
        (key.table, tuple(key.columns), key.to) for key in catalogue.foreign_keys()
    }
