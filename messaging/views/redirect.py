"""/r/<signed id>: count and lead on."""

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_safe

from accounts.models import Practice
from messaging import links
from messaging.models import Link
from prm import clock
from prm.tenancy import use_practice


@login_not_required
@require_safe
def follow(request: HttpRequest, signed_id: str) -> HttpResponse:
    """302 to the stored address; 404 for an id that we did not sign or no longer know."""
    found = links.read(signed_id)
    practice = Practice.objects.filter(public_id=found[0], suspended_at=None).first() if found else None
    if found is None or practice is None:
        raise Http404
    with use_practice(practice.pk):
        link = Link.objects.select_related("message").filter(pk=found[1]).first()
        if link is None:
            raise Http404
        links.count(link, head=getattr(request, "asked_by_head", False), now=clock.now())
        response = HttpResponseRedirect(link.url)
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response
