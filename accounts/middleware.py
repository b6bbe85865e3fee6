"""Opens the practice named in a staff URL, for its signed-in members only."""

from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import Resolver404, resolve, reverse
from django.utils.http import urlencode

from accounts.models import Membership, Practice
from prm.tenancy import use_practice
from prm.tenancy.requests import answer_within


class StaffMiddleware:
    """Deny by default: a URL with a `practice_slug` needs a person with a verified second factor and a membership there.

    A practice that does not exist and one where the person does not work are the same 404.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass on, inside the practice where the URL names one."""
        slug = _practice_slug(request)
        if slug is None:
            return self.get_response(request)
        user = request.user
        if not user.is_authenticated or not user.is_verified():
            step = "signin_verify" if user.is_authenticated else "signin"
            return redirect(f"{reverse(step)}?{urlencode({'next': request.get_full_path()})}")
        practice = Practice.objects.filter(slug=slug, suspended_at=None).first()
        membership = _membership(user.pk, practice)
        if practice is None or membership is None:
            request.practice = request.membership = None  # type: ignore[attr-defined]
            return self._missing(request)
        request.practice, request.membership = practice, membership  # type: ignore[attr-defined]
        return answer_within(practice.pk, request, self.get_response)

    def _missing(self, request: HttpRequest) -> HttpResponse:
        request.refused = True  # type: ignore[attr-defined]
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: object, args: object, kwargs: object) -> None:
        """Where the practice was refused the answer is the 404 of any missing page."""
        if getattr(request, "refused", False):
            raise Http404


def _practice_slug(request: HttpRequest) -> str | None:
    try:
        return resolve(request.path_info).kwargs.get("practice_slug")
    except Resolver404:
        return None


def _membership(user_id: object, practice: Practice | None) -> Membership | None:
    if practice is None:
        return None
    with use_practice(practice.pk):
        return Membership.objects.select_related("user").filter(user=user_id, ended_at=None).first()
