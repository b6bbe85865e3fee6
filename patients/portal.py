"""The decorator of the patient's pages."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse


def portal_view(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Mark a view of `/portal/<practice_public_id>/…`; an unknown practice is a 404. Called without the public id."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, practice_public_id: str, **kwargs: Any) -> HttpResponse:
        if getattr(request, "practice", None) is None:
            raise Http404
        return view(request, *args, **kwargs)

    return guarded
