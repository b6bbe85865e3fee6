"""The practice's public door: where it is, how to reach it, the way to a new link. No page here knows a patient."""

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_http_methods, require_safe

from patients.portal import portal_view
from portal import clinics, requests, tasks
from portal.forms import NewLinkForm
from prm import clock
from prm.addresses import client_address

FRESH = 300  # seconds that a browser or a proxy may show the door without asking again
WHY = {"idle", "signed_out", "locked"}


@require_safe
@portal_view
def door(request: HttpRequest) -> HttpResponse:
    """Is this my clinic, how do I get in."""
    response = render(request, "portal/door.html", {"clinics": clinics.cards(request.practice)})
    return _for_everybody(request, response)


@require_safe
@portal_view
def privacy(request: HttpRequest) -> HttpResponse:
    """What we keep and who sees it, and how the pages can be used, in plain words."""
    return _for_everybody(request, render(request, "portal/privacy.html"))


@require_http_methods(["GET", "HEAD", "POST"])
@portal_view
def new_link(request: HttpRequest) -> HttpResponse:
    """“Send me a new link”: the request is written down and answered later, the same for every address."""
    here = reverse("portal_new_link", args=[request.practice.public_id])
    if request.method != "POST":
        why = request.GET.get("why", "")
        sent = "sent" in request.GET
        return render(
            request, "portal/new_link.html",
            {"form": NewLinkForm(), "sent": sent, "why": why if why in WHY and not sent else ""},
        )  # fmt: skip
    form = NewLinkForm(request.POST)
    if not form.is_valid():
        return render(request, "portal/new_link.html", {"form": form}, status=422)
    channel, address = form.cleaned_data["address"]
    requests.ask(channel, address, caller=client_address(request), now=clock.now())
    transaction.on_commit(tasks.nudge)
    return redirect(f"{here}?sent=1")


def _for_everybody(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Names no person: may be kept for some minutes, and is found by search engines where the owner wants that."""
    response.names_nobody = True  # type: ignore[attr-defined]
    response["Cache-Control"] = f"public, max-age={FRESH}"
    if not request.practice.door_indexable:
        response["X-Robots-Tag"] = "noindex"
    patch_vary_headers(response, ["Cookie", "Accept-Language"])
    return response
