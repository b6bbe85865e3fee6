"""Nobody gets in without a second factor; a staff URL opens its practice for members only."""

from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import Resolver404, resolve, reverse
from django.utils import timezone
from django.utils.http import urlencode
from django_htmx.http import HttpResponseClientRedirect

from accounts import home, kept, signin, support
from accounts.access import OnlyReading
from accounts.queries import membership_of, practices_of
from prm import clock
from prm.audit.record import record
from prm.tenancy.requests import answer_within

MEDIA = "/media/"  # the same for everybody: no cookie is read, so that caches may keep it (security.md section 3)
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


class StaffMiddleware:
    """Deny by default: every page needs a person with a verified second factor, but those that say otherwise.

    Open are views marked with Django's `login_not_required` and the patients' pages (`practice_public_id` in the URL,
    or a view marked `for_patients`; their door is `patients`). A URL with a `practice_slug` needs a membership there as
    well, whatever its view is marked with, or, for a platform operator, an owner's support grant; a practice that does
    not exist and one where the person does not work are the same 404. Where support looks in, and where the practice is
    suspended, requests that would change something are refused (but those of views that say `while_suspended`).
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass on, inside the practice where the URL names one."""
        if request.path_info.startswith(MEDIA):
            return self.get_response(request)
        request.ended = signin.end_if_stale(request, now=clock.now())  # type: ignore[attr-defined]
        slug = _practice_slug(request)
        if slug is None:
            return self.get_response(request)
        if not home.signed_in(request):
            return _ask_to_sign_in(request, slug)
        practices = practices_of(request.user)  # type: ignore[arg-type]
        practice = next((one for one in practices if one.slug == slug), None)
        open_to_support = practice is None and request.user.is_platform_operator
        if open_to_support:
            practice = support.open_to(request.user, slug, now=clock.now())  # type: ignore[arg-type]
        if practice is None:
            request.refused = True  # type: ignore[attr-defined]
            return self.get_response(request)
        if signin.keep_time_of(request, practice, now=clock.now()):
            request.ended = True  # type: ignore[attr-defined]
            return _ask_to_sign_in(request, slug)

        def answer(request: HttpRequest) -> HttpResponse:
            if open_to_support:
                membership = support.member_for(request.user, now=clock.now())  # type: ignore[arg-type]
            else:
                membership = membership_of(request.user.pk)
            if membership is None:  # it ended since the practices were asked
                request.refused = True  # type: ignore[attr-defined]
                return self.get_response(request)
            request.practice, request.membership, request.practices = practice, membership, practices  # type: ignore[attr-defined]
            with timezone.override(practice.zone):
                response = self.get_response(request)
            kept.show(request, response)
            if open_to_support:
                _record_support_page(request, response.status_code)
            return response

        response = answer_within(practice.pk, request, answer)
        if not getattr(request, "refused", False):
            home.remember(request, response, practice.slug)
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: dict[str, Any]) -> HttpResponse | None:
        """Where the practice was refused, the 404 of any missing page; where nobody is signed in, to the door."""
        if getattr(request, "refused", False):
            raise Http404
        if "practice_slug" in kwargs and request.method not in SAFE_METHODS:
            _refuse_changes(request, view)
        if "practice_slug" in kwargs or "practice_public_id" in kwargs or not getattr(view, "login_required", True):
            return None
        if getattr(view, "for_patients", False):  # /portal/…: the door is PortalMiddleware's
            return None
        return None if home.signed_in(request) else _ask_to_sign_in(request)


def _ask_to_sign_in(request: HttpRequest, slug: str = "") -> HttpResponse:
    """To the sign-in page and back; a fragment's request makes the whole page go there.

    What a POST to the practice `slug` brought is kept for whoever sent it; a page that leaves by itself is told where.
    """
    with_text = kept.keep_at_the_door(request, slug) if slug else ""
    if with_text and request.path == reverse("kept", args=[slug]):
        return JsonResponse({"page": with_text})
    page = with_text or _page(request)
    after = {"next": page} if page else {}
    why = {"why": "idle"} if getattr(request, "ended", False) else {}
    query = urlencode({**after, **why})
    where = reverse("signin") + (f"?{query}" if query else "")
    return HttpResponseClientRedirect(where) if getattr(request, "htmx", False) else HttpResponseRedirect(where)


def _refuse_changes(request: HttpRequest, view: Any) -> None:
    """OnlyReading where support looks in, or where the practice is suspended and the view is not `while_suspended`."""
    if hasattr(getattr(request, "membership", None), "support_until"):
        raise OnlyReading("support")
    suspended = getattr(request, "practice", None) and request.practice.suspended_at  # type: ignore[attr-defined]
    if suspended and not getattr(view, "while_suspended", False):
        raise OnlyReading("suspended")


def _record_support_page(request: HttpRequest, status: int) -> None:
    """Every page that support opens, or is refused, is in the practice's record, besides what the page records."""
    found = request.resolver_match
    record("support.page", now=clock.now(), request=request, page=found.view_name if found else "", status=status)


def _page(request: HttpRequest) -> str:
    """The page to return to: this one, or the one whose form or fragment this request belongs to."""
    if request.method in {"GET", "HEAD"} and not getattr(request, "htmx", False):
        return request.get_full_path()
    return kept.page_of(request)


def _practice_slug(request: HttpRequest) -> str | None:
    try:
        return resolve(request.path_info).kwargs.get("practice_slug")
    except Resolver404:
        return None
