"""What a key may do: apps register their scopes, the settings page and the reference list them."""

_scopes: dict[str, str] = {}


def register(scope: str, line: str) -> None:
    """Add a scope `<things>:<read|write|…>` (from AppConfig.ready) with a line for the owner who grants it.

    ValueError for a name without a colon, or for one that says something else already.
    """
    if ":" not in scope:
        raise ValueError(f"scope {scope!r}: expected <things>:<what>, such as clinics:read")
    if _scopes.get(scope, line) != line:
        raise ValueError(f"scope {scope!r} is registered already, as {_scopes[scope]!r}")
    _scopes[scope] = line


def every() -> dict[str, str]:
    """Scope to line, by name."""
    return dict(sorted(_scopes.items()))
