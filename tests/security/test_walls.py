"""I1: what the catalogue says about every table; nothing is exempt by being forgotten."""

import pytest
from django.apps import apps
from django.db import models

from prm.tenancy.models import PracticeManager, PracticeModel
from tests.security import catalogue, rows

pytestmark = pytest.mark.django_db

OWN_PRACTICE = "(practice_id = (NULLIF(current_setting('prm.practice'::text, true), ''::text))::uuid)"

# Tables that belong to no practice. A new one needs a reason as good as these have.
GLOBAL_TABLES = {
    "tenancy_practiceclosure",  # the end of a practice outlives its rows; no PHI
    "accounts_practice",  # the directory of tenants: URLs are resolved by it before a practice is known
    "accounts_user", "accounts_totpdevice", "accounts_signinattempt",  # a person may work for several practices
    "accounts_session", "accounts_recoverycodes", "accounts_recoverycode", "accounts_factorrecovery",  # as these may
    "accounts_passwordreset",  # also of an address that nobody has
    "django_otp_webauthn_webauthncredential", "django_otp_webauthn_webauthnattestation",  # passkeys
    "django_otp_webauthn_webauthnuserhandle",
    "messaging_staffmail",  # an invitation or a reset goes to a person, who may belong to no practice yet
    "accounts_signup",  # the practice that is asked for does not exist yet
    "django_session", "django_content_type", "django_migrations",
    "auth_permission", "auth_group", "auth_group_permissions",  # Django's own, without a row of ours
}  # fmt: skip


def test_i1_every_table_is_a_practices_or_known_to_be_global():
    assert catalogue.tables() - catalogue.tenant_tables() == GLOBAL_TABLES


def test_i1_every_tenant_table_is_behind_the_one_policy_and_forced():
    found = {
        table: (enabled, forced, policies)
        for table, enabled, forced, policies in catalogue.rows(
            "SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity, "
            "  array_agg(ARRAY[p.polcmd::text, p.polpermissive::text, p.polroles::text, "
            "    pg_get_expr(p.polqual, c.oid), coalesce(pg_get_expr(p.polwithcheck, c.oid), '')]) "
            "FROM pg_class c LEFT JOIN pg_policy p ON p.polrelid = c.oid "
            "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') GROUP BY 1, 2, 3"
        )
        if table in catalogue.tenant_tables()
    }
    wall = (True, True, [["*", "true", "{0}", OWN_PRACTICE, ""]])
    assert found == dict.fromkeys(catalogue.tenant_tables(), wall)


def test_i1_the_application_has_no_right_on_a_partition_itself():
    held = catalogue.rows(
        "SELECT table_name, privilege_type FROM information_schema.role_table_grants WHERE grantee = 'prm_app'"
    )
    assert {table for table, _right in held} & catalogue.partitions() == set()


def test_i1_the_application_may_read_and_write_rows_and_nothing_else():
    rights = {
        right
        for (right,) in catalogue.rows(
            "SELECT DISTINCT privilege_type FROM information_schema.role_table_grants WHERE grantee = 'prm_app'"
        )
    }
    assert rights == {"SELECT", "INSERT", "UPDATE", "DELETE"}  # TRUNCATE asks no policy


def test_i1_the_application_is_nobody_special_and_owns_nothing():
    [role] = catalogue.rows(
        "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication FROM pg_roles "
        "WHERE rolname = current_user AND rolname = 'prm_app'"
    )
    assert role == (False,) * 5
    owned = catalogue.rows(
        "SELECT relname FROM pg_class WHERE pg_get_userbyid(relowner) = 'prm_app' "
        "UNION ALL SELECT proname FROM pg_proc WHERE pg_get_userbyid(proowner) = 'prm_app' "
        "UNION ALL SELECT nspname FROM pg_namespace WHERE pg_get_userbyid(nspowner) = 'prm_app' "
        "UNION ALL SELECT datname FROM pg_database WHERE pg_get_userbyid(datdba) = 'prm_app'"
    )
    assert owned == []
    memberships = catalogue.rows("SELECT roleid::regrole::text FROM pg_auth_members WHERE member = 'prm_app'::regrole")
    assert memberships == []
    assert catalogue.rows("SELECT has_schema_privilege('prm_app', 'public', 'CREATE')") == [(False,)]


def test_i1_functions_with_anothers_rights_are_these_and_fix_their_search_path():
    found = catalogue.rows(
        "SELECT proname, pg_get_userbyid(proowner), proconfig, proacl::text FROM pg_proc "
        "WHERE prosecdef AND pronamespace = 'public'::regnamespace"
    )
    assert {(name, owner, tuple(config)) for name, owner, config, _acl in found} == {
        ("prm_practices_of", "prm_search", ("search_path=pg_catalog, pg_temp",)),
        (
            "prm_search_patients",
            "prm_search",
            ("search_path=pg_catalog, pg_temp", "plan_cache_mode=force_custom_plan"),
        ),
    }
    assert not any(acl.startswith("{=") or ",=" in acl for *_rest, acl in found)  # nobody by way of PUBLIC


def test_i1_every_unique_index_starts_with_the_practice():
    wrong = {
        (table, index, columns)
        for table, index, columns in catalogue.unique_indexes()
        if table in catalogue.tenant_tables() and columns[0] != "practice_id" and columns != ("token_hash",)
    }
    assert wrong == set()


def test_i1_no_foreign_key_between_tenant_tables_forgets_the_practice():
    tenant = catalogue.tenant_tables()
    wrong = [
        key
        for key in catalogue.foreign_keys()
        if key.table in tenant and key.to in tenant
        and (key.columns[0], key.to_columns) != ("practice_id", ("practice_id", "id"))
    ]  # fmt: skip
    assert wrong == []


def test_i1_every_key_to_a_tenant_row_has_its_composite_twin():
    twins = {(key.table, key.columns[1:]) for key in catalogue.foreign_keys() if len(key.columns) == 2}
    missing = [
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.concrete_fields
        if isinstance(field, models.ForeignKey)
        and issubclass(field.related_model, PracticeModel)
        and (model._meta.db_table, (field.column,)) not in twins
    ]
    assert missing == []


def test_i1_every_tenant_table_is_a_practice_model_with_the_scoped_managers():
    assert {model._meta.db_table for model in rows.tenant_models()} == catalogue.tenant_tables(partitions=False)
    loose = [
        model._meta.label
        for model in rows.tenant_models()
        if not (
            isinstance(model._default_manager, PracticeManager)
            and isinstance(model._base_manager, PracticeManager)
            and all(isinstance(manager, PracticeManager) for manager in model._meta.managers)
        )
    ]
    assert loose == []


def test_i1_the_application_never_changes_an_audit_event():
    held = catalogue.rows(
        "SELECT has_table_privilege('prm_app', 'audit_auditevent', privilege) "
        "FROM unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) privilege"
    )
    assert held == [(False,)] * 3
