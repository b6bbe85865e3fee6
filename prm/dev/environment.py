"""Makes `.venv` and installs the locks: `python3 prm/dev/environment.py`. Quick when it is done.

Stands alone on the standard library: it runs before anything is installed, on whatever Python >= 3.11 the machine has.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

BASE = Path(__file__).resolve().parent.parent.parent
VENV = BASE / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = BASE / "requirements-dev.lock"
OLDEST = (3, 11)


def main() -> None:
    """Make the environment, install the lock where it changed, say what is missing in one line."""
    if sys.version_info < OLDEST:
        sys.exit(f"Python {sys.version.split()[0]} is too old: 3.11 or newer is needed (make PYTHON=python3.12 …)")
    if VENV.is_symlink():
        return  # somebody else's environment
    stamp, wanted = VENV / "prm-lock", fingerprint()
    if stamp.exists() and stamp.read_text() == wanted and works():
        return
    started = time.monotonic()
    if not works():
        make()
    install()
    stamp.write_text(wanted)
    say(f"environment ready in {time.monotonic() - started:.0f} s")


def fingerprint() -> str:
    """Changes with the lock."""
    return hashlib.sha256(LOCK.read_bytes()).hexdigest()


def works() -> bool:
    """True where `.venv` has a Python that starts (a removed system Python leaves a dead link) and is new enough."""
    check = f"import sys; sys.exit(sys.version_info < {OLDEST})"
    try:
        return subprocess.run([PYTHON, "-c", check], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def make() -> None:
    """Make `.venv` afresh."""
    say(f"making .venv with Python {sys.version.split()[0]}")
    room = shutil.disk_usage(BASE).free // 2**20
    if room < 1500:
        sys.exit(f"the disk of {BASE} has {room} MB left, 1500 MB are needed: free some and try again")
    shutil.rmtree(VENV, ignore_errors=True)
    made = subprocess.run([sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True, check=False)
    if made.returncode:
        shutil.rmtree(VENV, ignore_errors=True)
        said = (made.stdout + made.stderr).strip()
        if "ensurepip" in said:
            sys.exit("this Python cannot make environments: install its venv (Debian: apt-get install python3-venv)")
        sys.exit(f"making .venv failed: {said.splitlines()[-1] if said else 'no reason given'}")


def install() -> None:
    """Install the lock by hash: with uv, which is ten times quicker, else with pip, which knows this machine best."""
    say("installing what requirements-dev.lock names (the first time downloads about 200 MB)")
    quiet = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    own = VENV / "uv.lock"
    own.write_text(entry("uv"))
    with_uv = run([PYTHON, *quiet, "--no-deps", "-r", own]) and run(
        [VENV / "bin" / "uv", "pip", "sync", "--quiet", "--require-hashes", "--python", PYTHON, LOCK], uv_environment()
    )
    if not with_uv:
        say("uv could not install everything; pip does it (slower)")
        if not run([PYTHON, *quiet, "-r", LOCK]):
            sys.exit("installing failed, see above: check the network and pip's settings (pip config list)")


def entry(name: str) -> str:
    """One package's lines of the lock, hashes included."""
    found = re.search(rf"^{re.escape(name)}==.*?(?=^\S)", LOCK.read_text() + "end", re.MULTILINE | re.DOTALL)
    if not found:
        sys.exit(f"{LOCK.name} does not name {name}: run `make lock`")
    return found[0]


def uv_environment() -> dict[str, str]:
    """What pip is told on this machine about indexes and certificates, in uv's words: uv reads no pip.conf.

    Packages are chosen by hash, so it does not matter which of several indexes has them.
    """
    said = subprocess.run([PYTHON, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False).stdout
    settings = dict(re.findall(r"^(?:global|install|:env:)\.([\w-]+)='(.*)'$", said, re.MULTILINE))
    names = {
        "index-url": "UV_DEFAULT_INDEX",
        "extra-index-url": "UV_INDEX",
        "find-links": "UV_FIND_LINKS",
        "cert": "SSL_CERT_FILE",
    }
    told = {uv: settings[pip] for pip, uv in names.items() if settings.get(pip)}
    if "UV_FIND_LINKS" in told:
        told["UV_FIND_LINKS"] = ",".join(told["UV_FIND_LINKS"].split())
    return {**os.environ, "UV_INDEX_STRATEGY": "unsafe-best-match", "UV_LINK_MODE": "copy", **told}


def run(command: list[object], environment: dict[str, str] | None = None) -> bool:
    """True where the command succeeded; its own messages go to standard error."""
    return subprocess.run([str(word) for word in command], stdout=2, env=environment, check=False).returncode == 0


def say(text: str) -> None:
    """Progress, on standard error."""
    print(f"setup: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
