"""Where a page that is about to leave sends what was typed into it (static/js/idle.js)."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_POST

from accounts import kept
from accounts.access import staff_view


@require_POST
@staff_view("mine")
def keeping(request: HttpRequest) -> JsonResponse:
    """Keep the fields of a form, apply nothing: `{"page": …}` names the page that shows them, if there is one.

    Where the session has ended already, the middleware answers in its place.
    """
    return JsonResponse({"page": kept.keep_of_signed_in(request)})
