"""What every staff page asks every ten seconds: has anything changed that it shows (messaging.md section 13)?"""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET

from accounts.access import staff_view
from dashboard import inbox
from prm.ui import navigation


@require_GET
@staff_view("inbox.view")
def pulse(request: HttpRequest) -> HttpResponse:
    """204 where nothing changed since the fingerprint `since`; else the new one and the navigation's count as JSON.

    It neither prolongs the session nor reads anything of a person.
    """
    now_is = inbox.counts_of(request)["since"]
    if request.GET.get("since") == now_is:
        return HttpResponse(status=204)
    return JsonResponse({"since": now_is, "counts": {"inbox": navigation.figures(request)["inbox"]}})
