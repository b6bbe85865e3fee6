"""What a link of any purpose opens."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from patients.models import PortalLink
from patients.portal import behind_link, dead_link, link_page


@require_http_methods(["GET", "HEAD", "POST"])
@behind_link()
def link(request: HttpRequest, link: PortalLink) -> HttpResponse:
    """`/portal/<practice>/<token>`: the page that an app registered for the link's purpose."""
    page = link_page(link)
    return dead_link(request) if page is None else page(request, link)
