"""The index of Settings."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.access import staff_view


@require_GET
@staff_view("clinics.manage")
def index(request: HttpRequest) -> HttpResponse:
    """Every settings page that the reader may open, by group."""
    return render(request, "accounts/settings.html")
