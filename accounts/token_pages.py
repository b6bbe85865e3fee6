"""Pages whose address carries a token: no other page learns it from a Referer, no search engine keeps it."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse


def token_page(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Send `Referrer-Policy: no-referrer` and `noindex` with every answer of the view (security.md section 2)."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        response["Referrer-Policy"], response["X-Robots-Tag"] = "no-referrer", "noindex"
        return response

    return guarded
