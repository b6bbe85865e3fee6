"""Where a request comes from."""

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest


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
