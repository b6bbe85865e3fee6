"""Before what cannot be taken back, or changes how one signs in: a factor given within the last ten minutes."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect

from accounts import kept, signin
from prm import clock

View = Callable[..., HttpResponse]


def recently_checked(view: View) -> View:
    """Mark a view of signed-in people that wants a second factor given within ten minutes.

    Who gave none is sent to give one and comes back: to this page, or after a POST to the page whose form it was, with
    what was typed (`accounts.kept`); the button is then pressed again. Put it under `@staff_view`, on the page that
    shows the form as well, so that the question comes before anything is typed.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if signin.is_fresh(request, now=clock.now()):
            return view(request, *args, **kwargs)
        where = f"{reverse('signin_check')}?{urlencode({'next': _page(request)})}"
        return HttpResponseClientRedirect(where) if getattr(request, "htmx", False) else HttpResponseRedirect(where)

    guarded.recently_checked = True  # type: ignore[attr-defined]
    return guarded


def _page(request: HttpRequest) -> str:
    if request.method in {"GET", "HEAD"} and not getattr(request, "htmx", False):
        return request.get_full_path()
    return kept.keep_of_signed_in(request) or signin.own_path(kept.page_of(request))
