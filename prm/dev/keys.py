"""The secrets of a development checkout: made once, kept in `.prm/secrets.json` (mode 0600)."""

import base64
import json
import os
import secrets
from pathlib import Path
from typing import Any

ROLES_WITH_LOGIN = ("prm_owner", "prm_app", "prm_platform", "prm_backup")


def load(state_dir: Path) -> dict[str, Any]:
    """The secrets of `state_dir`; what is missing is made and stored, what is there never changes."""
    path = state_dir / "secrets.json"
    kept = json.loads(path.read_text()) if path.exists() else {}
    known = {
        "PRM_SECRET_KEY": kept.get("PRM_SECRET_KEY") or secrets.token_urlsafe(50),
        "PRM_MASTER_KEYS": kept.get("PRM_MASTER_KEYS") or "dev1:" + base64.b64encode(secrets.token_bytes(32)).decode(),
        "PRM_LINK_PEPPER": kept.get("PRM_LINK_PEPPER") or base64.b64encode(secrets.token_bytes(32)).decode(),
        "postgres": kept.get("postgres") or secrets.token_hex(16),
        "valkey": kept.get("valkey") or secrets.token_hex(16),
        "roles": {role: kept.get("roles", {}).get(role) or secrets.token_hex(16) for role in ROLES_WITH_LOGIN},
    }
    if kept != {**kept, **known}:
        _write(path, {**kept, **known})
    return {**kept, **known}


def _write(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(content, file, indent=1)
    partial.replace(path)
