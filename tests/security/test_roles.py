"""What each role of the database may do (security.md section 1), and what no dump is made by."""

import os
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.db import connections

from prm.dev.postgres import Postgres
from tests.security import catalogue

pytestmark = pytest.mark.django_db(transaction=True)

#        signs in, bypasses row security
ROLES = {
    "prm_owner": (True, False), "prm_app": (True, False), "prm_search": (False, True), "prm_platform": (True, True),
    "prm_backup": (True, True),
}  # fmt: skip


def test_i1_each_role_has_these_rights_and_none_is_a_superuser():
    found = catalogue.rows(
        "SELECT rolname, rolcanlogin, rolbypassrls, rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication "
        "FROM pg_roles WHERE starts_with(rolname, 'prm_')"
    )
    assert {name: (signs_in, bypasses) for name, signs_in, bypasses, _more in found} == ROLES
    assert [name for name, *_rights, more in found if more] == []


@pytest.mark.parametrize("role", ["prm_app", "prm_owner"])
def test_i1_no_dump_is_made_by_a_role_that_row_security_holds(role):
    name = connections["default"].settings_dict["NAME"]
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()
    command = [Postgres(Path(), "").binary("pg_dump"), f"--role={role}", "--data-only", "--dbname", url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, "row-level security" in done.stderr or "permission denied" in done.stderr) == (1, True)
