"""Addresses of the page shell."""

from django.conf import settings
from django.urls import path

from prm.ui.appearance import appearance
from prm.ui.csp_reports import csp_report
from prm.ui.parts import parts

urlpatterns = [
    path("csp-report", csp_report, name="csp_report"),
    path("appearance/", appearance, name="appearance"),
]
if settings.DEVELOPMENT:
    urlpatterns.append(path("dev/parts/", parts, name="dev_parts"))
