"""Embedded PostgreSQL and Valkey for a checkout without servers of its own.

`prepare` is called before Django's settings load: by `manage.py`, by the test plugin, by the supervisor. Every process
that uses the servers holds a shared lock on `.prm/in-use.lock`; the last one to leave stops them. A killed process
leaves no lock behind, since the kernel lets go of it.
"""

import atexit
import fcntl
import os
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from pathlib import Path

from prm import databases
from prm.dev import keys, roles
from prm.dev.postgres import Postgres
from prm.dev.processes import ServerProblem
from prm.dev.valkey import Valkey

BASE_DIR = Path(__file__).resolve().parent.parent.parent
TRUE = {"1", "true", "yes", "on"}


def state_dir(environ: MutableMapping[str, str]) -> Path:
    """Where a checkout keeps what is its own: PRM_STATE_DIR or `.prm`."""
    return Path(environ.get("PRM_STATE_DIR") or BASE_DIR / ".prm").absolute()


def prepare(environ: MutableMapping[str, str], *, postgres_settings: Mapping[str, str] | None = None) -> None:
    """Fill in what a development process needs and the environment leaves out: servers and secrets.

    Without DATABASE_URL and DATABASE_URL_APP the embedded PostgreSQL is started and PRM_DEVELOPMENT becomes 1; without
    REDIS_URL Valkey is started. The servers stop when the last process that uses them ends. Without PRM_DEVELOPMENT
    nothing is made up: a production machine must set its own secrets. `postgres_settings` are the embedded server's
    besides those of `prm.dev.postgres`, where it is not running yet. ServerProblem: one line.
    """
    embedded = not (environ.get("DATABASE_URL") or environ.get("DATABASE_URL_APP"))
    if embedded:
        environ.setdefault("PRM_DEVELOPMENT", "1")
    if environ.get("PRM_DEVELOPMENT", "").lower() not in TRUE:
        return
    folder = state_dir(environ)
    with _one_line_errors(folder):
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        secrets = keys.load(folder)
        for name in ("PRM_SECRET_KEY", "PRM_MASTER_KEYS", "PRM_LINK_PEPPER"):
            environ.setdefault(name, secrets[name])
        if environ.get("DATABASE_URL") and not environ.get("DATABASE_URL_APP"):
            _fill(environ, databases.role_urls(environ["DATABASE_URL"], secrets["roles"]))
        if not embedded and environ.get("REDIS_URL"):
            return
        postgres = Postgres(folder, secrets["postgres"], postgres_settings)
        valkey = Valkey(folder, secrets["valkey"])
        _use(folder, postgres, valkey)
        with _locked(folder / "start.lock"):
            if embedded:
                postgres.start()
                _ensure_database(postgres, secrets["roles"])
                _fill(environ, databases.role_urls(postgres.url(name=roles.DATABASE), secrets["roles"]))
            if not environ.get("REDIS_URL"):
                valkey.start()
                environ["REDIS_URL"] = valkey.url()


def own_servers(environ: MutableMapping[str, str]) -> list[Postgres | Valkey]:
    """The servers that `prepare` would start for this environment; ask before it fills the environment in."""
    folder = state_dir(environ)
    secrets = keys.load(folder)
    found: list[Postgres | Valkey] = []
    if not (environ.get("DATABASE_URL") or environ.get("DATABASE_URL_APP")):
        found.append(Postgres(folder, secrets["postgres"]))
    if not environ.get("REDIS_URL"):
        found.append(Valkey(folder, secrets["valkey"]))
    return found


def revive(server: Postgres | Valkey) -> bool:
    """Start a server that crashed, at its old address. True where it was gone. ServerProblem where it stays so."""
    if server.pid():
        return False
    with _locked(server.state_dir / "start.lock"), _one_line_errors(server.state_dir):
        server.start()
    return True


def _fill(environ: MutableMapping[str, str], urls: dict[str, str]) -> None:
    for variable, role in databases.ALIASES.values():
        environ[variable] = urls[role]


def administrator(environ: MutableMapping[str, str]) -> str:
    """The DSN of a user who may create roles and databases: DATABASE_URL's, else the embedded server's superuser."""
    if environ.get("DATABASE_URL"):
        return roles.maintenance(environ["DATABASE_URL"])
    folder = state_dir(environ)
    postgres = Postgres(folder, keys.load(folder)["postgres"])
    if not postgres.answers():
        raise ServerProblem(
            "this needs a user who may create databases: set DATABASE_URL, or neither for the embedded one"
        )
    return postgres.url()


def _ensure_database(postgres: Postgres, passwords: dict[str, str]) -> None:
    """Roles and database, once per cluster and version of the grants: connections are dear at every start."""
    stamp = postgres.data / "prm-roles"
    wanted = roles.fingerprint(passwords)
    if stamp.exists() and stamp.read_text() == wanted:
        return
    roles.ensure_roles(postgres.url(), passwords)
    roles.ensure_database(postgres.url())
    stamp.write_text(wanted)


def _use(folder: Path, postgres: Postgres, valkey: Valkey) -> None:
    """Hold the shared lock until this process ends, then stop the servers if nobody else holds it."""
    in_use = os.open(folder / "in-use.lock", os.O_RDWR | os.O_CREAT, 0o644)
    fcntl.flock(in_use, fcntl.LOCK_SH)  # waits while a last user stops the servers
    owner = os.getpid()

    def leave() -> None:
        if os.getpid() != owner:  # a forked child; the lock is shared with its parent, who is still there
            return
        try:
            fcntl.flock(in_use, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass
        else:
            valkey.stop()
            postgres.stop()
        os.close(in_use)

    atexit.register(leave)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on `path`, so that two commands do not start the same server."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _one_line_errors(folder: Path) -> Iterator[None]:
    """What the file system or a broken file of ours raises, as one line that names the cause and what to do."""
    try:
        yield
    except OSError as problem:
        raise ServerProblem(f"{problem.filename or folder}: {problem.strerror or problem}") from problem
    except ValueError as problem:
        raise ServerProblem(
            f"{folder}/secrets.json cannot be read ({problem}): restore it, or `make reset`"
        ) from problem
    except roles.RoleProblem as problem:
        raise ServerProblem(str(problem)) from problem
