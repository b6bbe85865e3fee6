"""What every page's response carries: no caching, no powerful features, and the reader's toasts."""

import json
from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from prm import addresses
from prm.ui import system_pages

PERMISSIONS = "camera=(), geolocation=(), microphone=(), payment=(), usb=(), interest-cohort=()"


class PageHeadersMiddleware:
    """Headers of every dynamic page: it may show PHI, so neither browser nor proxy keeps it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, then add what the view did not set itself."""
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        if addresses.carries_token(request.resolver_match):  # whoever reads the address could use it
            response.headers["Referrer-Policy"], response.headers["X-Robots-Tag"] = "no-referrer", "noindex"
        _hand_over_toasts(request, response)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer what a view raised from prm.ui.problems."""
        return system_pages.answer(request, exception)


def _hand_over_toasts(request: HttpRequest, response: HttpResponse) -> None:
    """Give a fragment's messages to the page that is already there; a full page and a redirect carry their own."""
    if not getattr(request, "htmx", False) or response.status_code >= 300 or "HX-Redirect" in response.headers:
        return
    waiting = [{"text": str(message), "undo": message.extra_tags or ""} for message in messages.get_messages(request)]
    if waiting and "HX-Trigger" not in response.headers:
        response.headers["HX-Trigger"] = json.dumps({"prm:toast": waiting[-1]})
