"""Where a request comes from, and whether its address is a secret."""

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest
from django.urls import ResolverMatch


def client_address(request: HttpRequest) -> str | None:
    """The caller's IP address, or None where there is none to be had (a Unix socket).

    Behind our reverse proxy (PRM_BEHIND_PROXY) the last entry of X-Forwarded-For, which that proxy wrote; entries
    before it are the caller's own words. Otherwise the connection's.
    """
    found = request.META.get("REMOTE_ADDR", "")
    if settings.BEHIND_PROXY:
        found = request.headers.get("X-Forwarded-For", found).rpartition(",")[2]
    try:
        return str(ip_address(found.strip()))
    except ValueError:
        return None


def carries_token(found: ResolverMatch | None) -> bool:
    """True for an address that holds a token: whoever reads it could use it (security.md section 2)."""
    return found is not None and any(name == "token" or name.endswith("_token") for name in found.kwargs)
