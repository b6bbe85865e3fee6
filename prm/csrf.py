"""Django's CSRF protection, for pages that tell nobody where they were."""

from django.http import HttpRequest
from django.middleware.csrf import CsrfViewMiddleware
from django.urls import Resolver404, resolve

from prm import addresses


class PortalCsrfMiddleware(CsrfViewMiddleware):
    """As Django's, but a patient's page, an invitation and a page behind a mailed link may post with `Origin: null`.

    These pages carry `Referrer-Policy: no-referrer` (security.md §2); for a POST from such a page the browser writes
    `Origin: null` (Fetch standard, “serializing a request origin”). The token of cookie and form is checked as ever.
    """

    def _origin_verified(self, request: HttpRequest) -> bool:
        return super()._origin_verified(request) or (
            request.headers.get("Origin") == "null" and _takes_secret_pages_forms(request)
        )


def _takes_secret_pages_forms(request: HttpRequest) -> bool:
    try:
        found = resolve(request.path_info)
    except Resolver404:
        return False
    on_invitation = found.route.startswith("invite/") or found.url_name == "signout"  # of somebody else's
    return found.route.startswith("portal/") or on_invitation or addresses.carries_token(found)
