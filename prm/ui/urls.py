"""Addresses of the page shell."""

from django.urls import path

from prm.ui.appearance import appearance
from prm.ui.csp_reports import csp_report

urlpatterns = [
    path("csp-report", csp_report, name="csp_report"),
    path("appearance/", appearance, name="appearance"),
]
