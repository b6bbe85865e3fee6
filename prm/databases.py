"""Database settings from the environment: one database, three roles, three aliases.

`default` connects as prm_app, `owner` as prm_owner (migrations), `platform` as prm_platform (BYPASSRLS). Either each
has its own URL (DATABASE_URL_APP, _OWNER, _PLATFORM), or DATABASE_URL names a user who may create roles and `make
setup` made them with the passwords kept in `.prm/secrets.json`.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from django.core.exceptions import ImproperlyConfigured

ALIASES = {"default": ("DATABASE_URL_APP", "prm_app"), "owner": ("DATABASE_URL_OWNER", "prm_owner"),
           "platform": ("DATABASE_URL_PLATFORM", "prm_platform")}  # fmt: skip
SCHEMES = {"postgres", "postgresql"}
CONNECTION_LIFETIME = 600  # seconds


def from_environment(environ: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Django's DATABASES. ImproperlyConfigured names the variable that is missing or wrong."""
    if not environ.get("DATABASE_URL_APP") and environ.get("DATABASE_URL"):
        urls = role_urls(environ["DATABASE_URL"], stored_passwords(environ))
        environ = {**environ, **{variable: urls[role] for variable, role in ALIASES.values()}}
    databases = {}
    for alias, (variable, _role) in ALIASES.items():
        url = environ.get(variable)
        if not url:
            raise ImproperlyConfigured(f"{variable} is not set (see .env.example; or set DATABASE_URL alone)")
        databases[alias] = parse(url, variable)
        if alias != "default":
            databases[alias]["TEST"] = {"MIRROR": "default"}
    return databases


def parse(url: str, variable: str) -> dict[str, Any]:
    """One entry of DATABASES from `postgresql://user:password@host:port/name?host=/socket/folder&option=value`.

    `host` and `port` in the query win, as in libpq; what else stands there becomes an option of the connection.
    ImproperlyConfigured names `variable`; it never shows the URL, which holds a password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as problem:
        raise ImproperlyConfigured(f"{variable}: {problem}") from None
    if parts.scheme not in SCHEMES:
        raise ImproperlyConfigured(f"{variable}: expected postgresql://…, found scheme {parts.scheme!r}")
    name = unquote(parts.path.lstrip("/"))
    if not name:
        raise ImproperlyConfigured(
            f"{variable}: the name of the database is missing (postgresql://user:password@host/NAME)"
        )
    options = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", unquote(parts.hostname or "")),
        "PORT": options.pop("port", str(port or "")),
        "OPTIONS": options,
        "CONN_MAX_AGE": CONNECTION_LIFETIME,
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": True,  # PgBouncer in transaction mode
    }


def role_urls(url: str, passwords: Mapping[str, str]) -> dict[str, str]:
    """For each role of `passwords`, `url` with that role's name and password in place of the user's."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return {
        role: parts._replace(netloc=f"{quote(role)}:{quote(password, safe='')}@{place}").geturl()
        for role, password in passwords.items()
    }


def socket_url(role: str, password: str, *, host: str, port: int, name: str) -> str:
    """The URL of a role at a socket folder (absolute path) or a TCP host."""
    login = f"{quote(role)}:{quote(password, safe='')}"
    if host.startswith("/"):
        return f"postgresql://{login}@/{quote(name)}?{urlencode({'host': host, 'port': port})}"
    return f"postgresql://{login}@{host}:{port}/{quote(name)}"


def stored_passwords(environ: Mapping[str, str]) -> dict[str, str]:
    """The passwords of the roles that `make setup` made, by role. ImproperlyConfigured where it has not run."""
    default = Path(__file__).resolve().parent.parent / ".prm"
    path = Path(environ.get("PRM_STATE_DIR") or default) / "secrets.json"
    try:
        return json.loads(path.read_text())["roles"]
    except (FileNotFoundError, KeyError):
        raise ImproperlyConfigured(
            f"DATABASE_URL is set, but {path} holds no passwords of the roles: run `make setup` first, "
            "or set DATABASE_URL_APP, DATABASE_URL_OWNER and DATABASE_URL_PLATFORM"
        ) from None
