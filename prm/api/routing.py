"""Addresses of endpoints, for `api_urlpatterns` of an app's `urls.py`."""

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_exempt
from rest_framework.routers import SimpleRouter

from prm.api.views import ApiViewSet


class _Router(SimpleRouter):
    include_format_suffixes = False

    def __init__(self) -> None:
        super().__init__(trailing_slash=False, use_regex_path=False)


def routes(things: str, view: type[ApiViewSet], *, argument: str = "") -> list[URLPattern]:
    """The addresses of an endpoint, for `api_urlpatterns` of an app's `urls.py`.

    `argument` names the id in the address (`clinic_id`), and with it the model whose rows the security tests make.
    Names are `api:<things>-list`, `api:<things>-detail`, `api:<things>-<action>`.
    """
    if argument:
        view.lookup_url_kwarg, view.lookup_value_converter = argument, "uuid"
    router = _Router()
    router.register(things, view, basename=things)
    return router.urls


def single(thing: str, view: type[ApiViewSet], methods: dict[str, str]) -> list[URLPattern]:
    """The address of a thing that a practice has one of, such as itself: `methods` maps HTTP methods to actions."""
    return [path(thing, view.as_view(methods, detail=True, basename=thing), name=f"{thing}-detail")]


@csrf_exempt
@login_not_required
def missing(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    """404 for every other address below /api/, so that none of them is taken for a practice's page."""
    raise Http404
