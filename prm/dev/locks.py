"""`make lock`: rewrite requirements.lock and requirements-dev.lock, and see that every pin can be installed everywhere.

The locks hold hashes and no addresses, so that they work with any index. UPGRADE=1 takes the newest versions that the
`.in` files allow; without it what is locked stays.
"""

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable
from pathlib import Path

from prm.dev import environment
from prm.dev.embedded import BASE_DIR

INDEX = "https://pypi.org/simple"
# One of the tags of each row must be among a pin's files, or one that fits all.
PLATFORMS = {
    "Linux x86_64": r"manylinux\w*_x86_64|linux_x86_64",
    "Linux arm64": r"manylinux\w*_aarch64|linux_aarch64",
    "macOS arm64": r"macosx_\w+_(arm64|universal2)",
}
# Pins that need no wheel of each platform, with the reason.
NOT_EVERYWHERE: dict[str, str] = {}


def main() -> None:
    """Compile both locks, then check them. Exit status 1 names the pins that cannot be installed somewhere."""
    for name in ("requirements", "requirements-dev"):
        compile_lock(name)
    missing = list(unavailable(pins(BASE_DIR / "requirements-dev.lock")))
    for line in missing:
        print(line, file=sys.stderr)
    sys.exit(1 if missing else 0)


def compile_lock(name: str) -> None:
    """Write `name`.lock from `name`.in for all platforms and Python 3.11 and newer."""
    command = [
        *[str(Path(sys.executable).with_name("uv")), "pip", "compile", "--quiet", "--universal", "--generate-hashes"],
        *["--no-emit-index-url", "--no-header", "--python-version", "3.11", f"{name}.in", "-o", f"{name}.lock"],
    ]
    if os.environ.get("UPGRADE") == "1":
        command.append("--upgrade")
    if name == "requirements-dev":
        command += ["--constraint", "requirements.lock"]
    if subprocess.run(command, cwd=BASE_DIR, env=environment.uv_environment(), check=False).returncode:
        sys.exit(f"error: {name}.lock was not written, see above")
    print(f"{name}.lock: {len(pins(BASE_DIR / f'{name}.lock'))} pins")


def pins(lock: Path) -> dict[tuple[str, str], set[str]]:
    """(name, version) -> the sha256 sums that the lock allows."""
    found: dict[tuple[str, str], set[str]] = {}
    for entry in re.split(r"\n(?=\S)", lock.read_text()):
        if head := re.match(r"([\w.-]+)==([^\s;\\]+)", entry):
            found[head[1], head[2]] = set(re.findall(r"--hash=sha256:([0-9a-f]{64})", entry))
    return found


def unavailable(locked: dict[tuple[str, str], set[str]]) -> Iterable[str]:
    """A line for each pin that has no wheel for one of PLATFORMS among the files whose hashes are locked."""
    for (name, version), hashes in locked.items():
        if name in NOT_EVERYWHERE:
            continue
        names = [file["filename"] for file in files(name) if file["hashes"].get("sha256") in hashes]
        wheels = [filename for filename in names if filename.endswith(".whl")]
        if any(filename.endswith("-any.whl") for filename in wheels):
            continue
        for platform, tags in PLATFORMS.items():
            if not any(re.search(rf"-({tags})(\.|$)|[.-]({tags})\.", filename) for filename in wheels):
                yield f"{name}=={version}: no wheel for {platform}"


def files(name: str) -> list[dict]:
    """What the index has of a package (PEP 691). SystemExit names the package where the index does not answer."""
    index = os.environ.get("UV_DEFAULT_INDEX", INDEX).rstrip("/")
    request = urllib.request.Request(f"{index}/{name}/", headers={"Accept": "application/vnd.pypi.simple.v1+json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["files"]
    except (urllib.error.URLError, ValueError) as problem:
        sys.exit(f"error: {name}: the index did not list its files as JSON ({problem})")


if __name__ == "__main__":
    main()
