"""`make lock`: rewrite requirements.lock and requirements-dev.lock, and see that every pin can be installed everywhere.

The locks hold hashes and no addresses, so that they work with any index. UPGRADE=1 takes the newest versions that the
`.in` files allow; without it what is locked stays.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from prm.dev import environment
from prm.dev.embedded import BASE_DIR

PYTHON = "3.11"  # the oldest that we support
# Where a wheel of every pin must exist, in uv's words.
PLATFORMS = ("x86_64-manylinux_2_28", "aarch64-manylinux_2_28", "aarch64-apple-darwin")
UV = str(Path(sys.executable).with_name("uv"))


def main() -> None:
    """Compile both locks, then check them. Exit status 1 where a pin cannot be installed on one of PLATFORMS."""
    for name in ("requirements", "requirements-dev"):
        compile_lock(name)
    refused = [platform for platform in PLATFORMS if not installable(platform)]
    if refused:
        sys.exit(f"error: requirements-dev.lock cannot be installed on {', '.join(refused)}, see above")


def compile_lock(name: str) -> None:
    """Write `name`.lock from `name`.in for all platforms and Python 3.11 and newer."""
    command = [
        *[UV, "pip", "compile", "--quiet", "--universal", "--generate-hashes", "--no-emit-index-url", "--no-header"],
        *["--python-version", PYTHON, f"{name}.in", "-o", f"{name}.lock"],
    ]
    if os.environ.get("UPGRADE") == "1":
        command.append("--upgrade")
    if name == "requirements-dev":
        command += ["--constraint", "requirements.lock"]
    if subprocess.run(command, cwd=BASE_DIR, env=environment.uv_environment(), check=False).returncode:
        sys.exit(f"error: {name}.lock was not written, see above")
    print(f"{name}.lock: {pins(BASE_DIR / f'{name}.lock')} pins")


def pins(lock: Path) -> int:
    """How many packages a lock names."""
    return len(re.findall(r"^[\w.-]+==", lock.read_text(), re.MULTILINE))


def installable(platform: str) -> bool:
    """True where every locked pin has a wheel for `platform`; nothing is installed, uv says what is missing."""
    with tempfile.TemporaryDirectory() as nowhere:
        command = [
            *[UV, "pip", "install", "--dry-run", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:"],
            *["--python-platform", platform, "--python-version", PYTHON, "--target", nowhere],
            *["-r", "requirements-dev.lock"],
        ]
        return subprocess.run(command, cwd=BASE_DIR, env=environment.uv_environment(), check=False).returncode == 0


if __name__ == "__main__":
    main()
