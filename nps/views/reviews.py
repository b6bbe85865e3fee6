"""Where patients can review the clinics, and who is asked to (nps.md section 7)."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import staff_view
from accounts.models import Clinic
from accounts.once import once
from nps import reviews
from nps.forms import ReviewPolicyForm, ReviewSiteForm
from nps.models import ReviewRequest, ReviewSite
from nps.views.feed import feedback_tabs
from prm import clock
from prm.audit.record import record
from prm.ui.toasts import toast

A_YEAR = timedelta(days=365)
GATED_GOOGLE = "Google forbids asking only happy patients. Remove the Google page first, or ask everyone."


@require_http_methods(["GET", "HEAD", "POST"])
@staff_view("nps.set_up")
@once
def sites(request: HttpRequest) -> HttpResponse:
    """The review pages by clinic; a POST adds one."""
    if request.method != "POST":
        return _page(request)
    form = _site_form(request)
    if form.is_valid():
        given = form.cleaned_data
        try:
            site = reviews.add_site(given["clinic"], given["kind"], given["url"], now=clock.now())
        except reviews.BadReviewUrl as problem:
            form.add_error("url", str(problem))
        except reviews.GatedGoogle:
            form.add_error("kind", "Google forbids asking only happy patients. Ask everyone, or leave Google out.")
        except reviews.SiteIsThere:
            form.add_error("url", "This page is there already.")
    if not form.is_valid():
        return _page(request, site_form=form, status=422)
    record("reviews.site_added", now=clock.now(), request=request, object_id=site.pk, kind=site.kind)
    toast(request, "Review page added")
    return redirect(_url(request))


@require_POST
@staff_view("nps.set_up")
def removal(request: HttpRequest, site_id: UUID) -> HttpResponse:
    """Take a review page out of use; what was asked with it stays."""
    site = get_object_or_404(ReviewSite.objects.filter(ended_at=None), pk=site_id)
    reviews.end_site(site, now=clock.now())
    record("reviews.site_removed", now=clock.now(), request=request, object_id=site.pk, kind=site.kind)
    toast(request, "Review page removed")
    return redirect(_url(request))


@require_POST
@staff_view("nps.set_up")
def policy(request: HttpRequest) -> HttpResponse:
    """Choose who is asked. The choice and the acknowledgement are audited."""
    form = ReviewPolicyForm(request.POST)
    if form.is_valid():
        try:
            reviews.choose_mode(request.practice, **form.cleaned_data)
        except reviews.NotAcknowledged:
            form.add_error("acknowledged", "Tick this to ask promoters only.")
        except reviews.GatedGoogle:
            form.add_error("mode", GATED_GOOGLE)
    if not form.is_valid():
        return _page(request, policy_form=form, status=422)
    record("reviews.mode_chosen", now=clock.now(), request=request, **form.cleaned_data)
    toast(request, "Saved")
    return redirect(_url(request))


def _page(request: HttpRequest, *, status: int = 200, **forms: Any) -> HttpResponse:
    context = {
        "tabs": feedback_tabs(request, "nps:reviews"),
        "sites": ReviewSite.objects.filter(ended_at=None).select_related("clinic").order_by("clinic__name", "position"),
        "site_form": ReviewSiteForm(clinics=_clinics()),
        "policy_form": ReviewPolicyForm(initial={"mode": request.practice.review_mode}),
        "asked": ReviewRequest.objects.filter(asked_at__gt=clock.now() - A_YEAR).count(),
        **forms,
    }
    return render(request, "nps/reviews.html", context, status=status)


def _site_form(request: HttpRequest) -> ReviewSiteForm:
    return ReviewSiteForm(request.POST, clinics=_clinics())


def _clinics() -> QuerySet[Clinic]:
    """Where a review can be asked for: not where nobody treats any more."""
    return Clinic.objects.filter(closed_at=None).order_by("name")


def _url(request: HttpRequest) -> str:
    return reverse("nps:reviews", args=[request.practice.slug])
