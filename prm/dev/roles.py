"""The roles of security.md section 1 and the databases they use; idempotent, needs a user who may create both.

`python -m prm.dev.roles` makes them on the server of DATABASE_URL, with the passwords and the database that
DATABASE_URL_OWNER, _APP and _PLATFORM name (docker-compose.yml).
"""

import hashlib
import os
import sys
from urllib.parse import urlsplit

import psycopg2
from psycopg2 import sql

from prm import databases

# A database's own name, never a role's, is the only thing that differs between the real one and the tests'.
ATTRIBUTES = {
    "prm_owner": "LOGIN NOBYPASSRLS",
    "prm_app": "LOGIN NOBYPASSRLS",
    "prm_search": "NOLOGIN BYPASSRLS",
    "prm_platform": "LOGIN BYPASSRLS",
    "prm_backup": "LOGIN BYPASSRLS",
}
DATABASE = "prm"

# Run inside the database, as a superuser or its owner. prm_search owns SECURITY DEFINER functions: it may only read.
GRANTS = """
ALTER SCHEMA public OWNER TO prm_owner;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO prm_app, prm_platform, prm_backup;
GRANT USAGE, CREATE ON SCHEMA public TO prm_search;
ALTER DEFAULT PRIVILEGES FOR ROLE prm_owner IN SCHEMA public
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO prm_app, prm_platform;
ALTER DEFAULT PRIVILEGES FOR ROLE prm_owner IN SCHEMA public GRANT SELECT ON TABLES TO prm_search, prm_backup;
ALTER DEFAULT PRIVILEGES FOR ROLE prm_owner IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO prm_app, prm_platform;
ALTER DEFAULT PRIVILEGES FOR ROLE prm_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE prm_owner IN SCHEMA public
  GRANT EXECUTE ON FUNCTIONS TO prm_app, prm_platform, prm_search;
"""


class RoleProblem(Exception):
    """A role of that name is there already and has other rights than security.md section 1 gives it."""


def ensure_roles(admin_dsn: str, passwords: dict[str, str]) -> None:
    """Create the five roles or set their attributes and passwords; `passwords` by role, for those that sign in."""
    connection = psycopg2.connect(admin_dsn)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('prm.roles'))")
            cursor.execute(
                "SELECT rolname, rolbypassrls, rolsuper FROM pg_roles WHERE rolname = ANY(%s)", [list(ATTRIBUTES)]
            )
            existing = {name: (bypasses, is_super) for name, bypasses, is_super in cursor.fetchall()}
            for role, attributes in ATTRIBUTES.items():
                name, password = sql.Identifier(role), passwords.get(role)
                if role not in existing:
                    cursor.execute(sql.SQL(f"CREATE ROLE {{}} {attributes}").format(name))
                elif existing[role] != (" BYPASSRLS" in attributes, False):
                    raise RoleProblem(f"role {role} exists with other rights: expected {attributes}, no superuser")
                if password:
                    cursor.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(name, sql.Literal(password)))
            # The owner hands its search functions over; the current user gives databases to the owner.
            cursor.execute("GRANT prm_search TO prm_owner; GRANT pg_read_all_data TO prm_backup")
            cursor.execute("GRANT prm_owner TO CURRENT_USER")
    finally:
        connection.close()


def ensure_database(admin_dsn: str, name: str = DATABASE) -> bool:
    """Create database `name` of prm_owner, with the grants for what prm_owner will make; False if it is there."""
    connection = psycopg2.connect(admin_dsn)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            made = cursor.fetchone() is None
            if made:
                cursor.execute(
                    sql.SQL("CREATE DATABASE {} OWNER prm_owner ENCODING 'UTF8' TEMPLATE template0").format(
                        sql.Identifier(name)
                    )
                )
            cursor.execute(
                sql.SQL(
                    "REVOKE ALL ON DATABASE {0} FROM PUBLIC; GRANT CONNECT ON DATABASE {0} TO prm_backup;"
                    "GRANT CONNECT, TEMPORARY ON DATABASE {0} TO prm_app, prm_platform"
                ).format(sql.Identifier(name))
            )
    finally:
        connection.close()
    inside = psycopg2.connect(admin_dsn, dbname=name)
    try:
        with inside, inside.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('prm.grants'))")
            cursor.execute(GRANTS)
    finally:
        inside.close()
    return made


def fingerprint(passwords: dict[str, str]) -> str:
    """Changes whenever roles, grants or passwords do."""
    return hashlib.sha256(repr((ATTRIBUTES, GRANTS, sorted(passwords.items()))).encode()).hexdigest()


def database_of(url: str) -> str:
    """The database that a URL names."""
    return psycopg2.extensions.parse_dsn(url)["dbname"]


def main() -> None:
    """Make roles and database as the environment names them. SystemExit: one line on what is missing or refused."""
    administrator = os.environ.get("DATABASE_URL") or sys.exit("error: DATABASE_URL is not set")
    urls = {role: os.environ.get(variable) for variable, role in databases.ALIASES.values()}
    if missing := [variable for variable, role in databases.ALIASES.values() if not urls[role]]:
        sys.exit(f"error: not set: {', '.join(missing)}")
    parsed = {role: databases.parse(url, role) for role, url in urls.items() if url}
    for role, settings in parsed.items():
        if settings["USER"] != role:
            sys.exit(f"error: the URL of {role} names the user {settings['USER']!r}")
    try:
        ensure_roles(maintenance(administrator), {role: settings["PASSWORD"] for role, settings in parsed.items()})
        ensure_database(maintenance(administrator), parsed["prm_app"]["NAME"])
    except (RoleProblem, psycopg2.Error) as problem:
        sys.exit(f"error: {str(problem).strip().splitlines()[0]}")


def maintenance(url: str) -> str:
    """`url` with the database `postgres`: ours may not be there yet."""
    return urlsplit(url)._replace(path="/postgres").geturl()


if __name__ == "__main__":
    main()
